/** Flows about networks. */
import type { Flow, Step } from './record-monitor-flows.ts';

const hmp = (...lines: readonly string[]): Step[] => lines.map((line) => ({ hmp: line }));
/** Without the ROM that QEMU's program brings: ours has none. */
const NIC = 'device_add virtio-net-pci,romfile=';

const BAD_USER_OPTIONS = [
  ...['foo=1', 'net=1.2.3.4/0', 'net=1.2.3.4/33', 'net=1.2.3.4/x', 'net=zz', 'net=', 'net=/24'],
  ...['net=10.0.2.0/24/3', 'host=1.2.3.4', 'host=zz', 'host=', 'host=10.0.2.3', 'dns=zz', 'dns=10.0.2.2'],
  ...['dhcpstart=zz', 'dhcpstart=10.0.2.3', 'dhcpstart=10.0.4.9', 'net=10.0.2.0/30', 'net=10.0.2.0/31'],
  ...['host=zz,dns=zz', 'dhcpstart=zz,dns=zz', 'dhcpstart=10.0.4.9,dns=zz', 'dns=10.0.2.2,dhcpstart=zz'],
  ...['domainname=', 'domainname=,dns=zz', 'domainname=,hostfwd=zz', 'hostfwd=zz,net=zz', 'net=zz,foo=1'],
  ...['ipv4=zz', 'restrict=maybe', 'restrict=', 'ipv4=off,ipv6=off', 'ipv4=off,host=1.2.3.4'],
  ...[
    'ipv4=off,dhcpstart=1.2.3.4',
    'ipv6=off,ipv6-host=fe80::1',
    'ipv6=off,ipv4=off,net=zz',
    'ip=10.0.0.0/8',
  ],
  ...['hostfwd=', 'hostfwd=tcp', 'hostfwd=tcp:', 'hostfwd=tcp:1', 'hostfwd=tcp::5', 'hostfwd=xcp::5-:22'],
  ...['hostfwd=tcp:zz:5-:22', 'hostfwd=tcp::zz-:22', 'hostfwd=tcp::70000-:22', 'hostfwd=tcp::5-zz:22'],
  ...['hostfwd=tcp::5-:0', 'hostfwd=tcp::5-:zz', 'hostfwd=tcp::5-', 'hostfwd=tcp::5-22', 'hostfwd=tcp:5-:22'],
  ...['hostfwd=tcp::5-:', 'hostfwd=tcp::5-10.0.2.15:22x', 'ipv6-prefixlen=zz', 'restrict=on,restrict=zz'],
];

const GOOD_USER_OPTIONS = [
  ...[
    'net=192.168.100.0/22',
    'net=192.168.199.0/24',
    'net=10.0.0',
    'net=1.2.3.4/255.255.0.0',
    'net=172.16.5.5',
  ],
  ...[
    'net=130.1.2.3',
    'net=198.18.1.1',
    'net=200.1.2.35',
    'net=224.1.2.35',
    'net=250.1.2.35',
    'net=172.32.5.5',
  ],
  ...[
    'net=10.0.2.0/0x18',
    'net=0x0a000200/24',
    'host=10.0.2.1,dns=10.0.2.4',
    'dhcpstart=10.0.2.255',
    'restrict=on',
  ],
  ...['hostname=zz,domainname=foo.org,dnssearch=foo,dnssearch=bar', 'bootfile=foo', 'ipv6=off', 'ipv4=off'],
];

const BAD_SOCKET_OPTIONS = [
  ...[
    'listen=:1,connect=:2',
    'listen=zz',
    'listen=zz:1',
    'listen=1.2.3:zz',
    'listen=1.2.3.x:1',
    'fd=1,udp=:2',
  ],
  ...['listen=1.2.3.4:17788', 'listen=:zz', 'listen=:', 'listen=', 'listen=::1', 'listen=nohost.invalid:1'],
  ...['listen=:1,localaddr=1.2.3.4', 'connect=', 'connect=zz', 'connect=1.2.3.4.5:1', 'connect=:zz'],
  ...['connect=255.255.255.255:1', 'connect=:1,localaddr=:2', 'mcast=10.0.0.1:1', 'mcast=zz', 'mcast=0:1'],
  ...[
    'mcast=230.0.0.1:1234,localaddr=zz',
    'mcast=230.0.0.1:1234,localaddr=',
    'mcast=10.0.0.1:1,localaddr=zz',
  ],
  ...['udp=127.0.0.1:99', 'udp=127.0.0.1:99,localaddr=zz', 'udp=zz,localaddr=:17790', 'udp=zz,localaddr=yy'],
  ...['udp=127.0.0.1:99,localaddr=1.2.3.4:17790', 'foo=1', 'fd=zz', 'listen=1,foo=1', 'localaddr=1.2.3.4'],
];

const GOOD_SOCKET_OPTIONS = [
  ...['listen=127.0.0.1:17788', 'listen=:017001', 'listen=localhost:0x4568xyz', 'listen=127.1:83323'],
  ...['mcast=230.0.0.1:1234', 'mcast=230.0.0.1:1235,localaddr=127.0.0.1', 'mcast=224.0.0.1:66770'],
  ...['udp=127.0.0.1:99,localaddr=:17790', 'udp=localhost:0,localaddr=127.0.0.1:17791'],
];

/** More than a field of DHCP holds. */
const LONG = 'x'.repeat(300);
const USER_REST = [
  ...[`tftp=${LONG}`, `hostname=${LONG}`, `domainname=${LONG}`, `domainname=${LONG},hostname=${LONG}`],
  ...[`tftp-server-name=${LONG},domainname=`, `hostname=${LONG},domainname=`],
  ...[
    `tftp-server-name=${LONG}`,
    'tftp-server-name=',
    'tftp=/nonexistent',
    'tftp-server-name=foo,bootfile=b',
  ],
  ...['guestfwd=', 'guestfwd=tcp', 'guestfwd=udp:1.2.3.4:5-null', 'guestfwd=tcp:1.2.3.4:5', 'guestfwd=::5-'],
  ...['guestfwd=tcp:zz:5-null', 'guestfwd=tcp:10.0.2.9:zz-null', 'guestfwd=tcp:10.0.2.9:0-null'],
  ...[
    'guestfwd=tcp:10.0.2.9:65536-null',
    'guestfwd=tcp:10.0.2.9:5-foo',
    'guestfwd=tcp:10.0.2.9:5-chardev:foo',
  ],
  ...['guestfwd=tcp:10.0.2.2:5-null', 'guestfwd=tcp:10.0.2.3:5-null', 'guestfwd=tcp:10.1.2.9:5-null'],
  ...['guestfwd=tcp::5-null,guestfwd=tcp:10.0.2.4:5-null', 'guestfwd=tcp:10.0.2.9:-5-null'],
  ...['guestfwd=tcp:10.0.2.9:5-null', 'guestfwd=:10.0.2.9:6-chardev:c1'],
  ...['guestfwd=tcp:10.0.2.9:9x-null', 'guestfwd=tcp:10.0.2.9:5-chardev:'],
];

const DUMP = 'object_add filter-dump,';
/** Each is refused, or makes a filter that the next lines see. */
const DUMP_OPTIONS = [
  ...[
    'id=f1',
    'id=f1,netdev=n0',
    'id=f1,file=/tmp/f1.pcap',
    'netdev=n0,file=/tmp/f1.pcap',
    'id=1a,netdev=n0,file=/tmp/f1.pcap',
  ],
  ...['id=f1,netdev=nope,file=/tmp/f1.pcap', 'id=f1,netdev=,file=/tmp/f1.pcap', 'id=f1,netdev=n0,file='],
  ...['id=f1,netdev=n0,file=nowhere/f1.pcap', 'id=f1,netdev=n0,file=/tmp/f1.pcap,foo=1'],
  ...['id=f1,netdev=n0,file=/tmp/f1.pcap,maxlen=0', 'id=f1,netdev=n0,file=/tmp/f1.pcap,maxlen=abc'],
  ...['id=f1,netdev=n0,file=/tmp/f1.pcap,maxlen=5000000000', 'id=f1,netdev=n0,file=/tmp/f1.pcap,maxlen=-1'],
  ...['id=f1,netdev=n0,file=/tmp/f1.pcap,queue=bogus', 'id=f1,netdev=n0,file=/tmp/f1.pcap,status=bogus'],
  ...['id=f1,netdev=n0,file=/tmp/f1.pcap,position=bogus', 'id=f1,netdev=n0,file=/tmp/f1.pcap,position=id=zz'],
  ...['id=f1,netdev=n0,file=/tmp/f1.pcap,insert=between', 'id=f1,netdev=nope,file=/tmp/f1.pcap,maxlen=0'],
  ...['id=f1,netdev=n0,file=nowhere/f1.pcap,position=bogus', 'id=f1,netdev=nope,file=nowhere/f1.pcap'],
  ...[
    'id=f1,netdev=n0,file=/tmp/f1.pcap,insert=between,position=bogus',
    'id=f1,netdev=nope,file=/tmp/f1.pcap,queue=bogus',
  ],
  ...[
    'id=f1,netdev=n0,file=/tmp/f1.pcap',
    'id=f1,netdev=n0,file=/tmp/f2.pcap',
    'id=f2,netdev=n0,file=/tmp/f2.pcap,maxlen=100,queue=rx',
  ],
  ...[
    'id=f3,netdev=n0,file=/tmp/f3.pcap,status=off',
    'id=f4,netdev=n0,file=/tmp/f4.pcap,position=head,queue=tx',
  ],
  ...[
    'id=f5,netdev=n0,file=/tmp/f5.pcap,position=id=f1',
    'id=f6,netdev=n0,file=/tmp/f6.pcap,position=id=f1,insert=before',
  ],
  ...[
    'id=f7,netdev=n0,file=/tmp/f7.pcap,position=id=net0',
    'id=f8,netdev=h0,file=/tmp/f8.pcap',
    'id=f9,netdev=net0,file=/tmp/f9.pcap',
  ],
  ...['id=fa,netdev=n1,file=/tmp/f1.pcap', 'id=fb,netdev=n1,file=/tmp/fb.pcap,position=id=f1'],
];

export const NET_FLOWS: readonly Flow[] = [
  {
    name: 'filter_dump',
    guest: false,
    steps: [
      ...hmp('netdev_add user,id=n0', 'netdev_add user,id=n1', 'netdev_add hubport,id=h0,hubid=0'),
      ...hmp(`${NIC},netdev=n0,id=net0`, `${DUMP}help`, `${DUMP}?`),
      ...DUMP_OPTIONS.flatMap((options) => hmp(DUMP + options)),
      ...hmp('info network', 'qom-list /objects', 'qom-list /objects/f1'),
      ...['file', 'insert', 'maxlen', 'netdev', 'position', 'queue', 'status'].flatMap((name) =>
        hmp(`qom-get /objects/f1 ${name}`),
      ),
      ...hmp('qom-get /objects/f2 maxlen', 'qom-get /objects/f5 position', 'qom-get /objects/f6 insert'),
      ...hmp('qom-set /objects/f1 status off', 'qom-get /objects/f1 status', 'info network'),
      ...[
        'status bogus',
        'status on',
        'maxlen 12',
        'maxlen 0',
        'file abc',
        'netdev abc',
        'queue tx',
        'queue bogus',
      ].flatMap((text) => hmp(`qom-set /objects/f1 ${text}`)),
      ...hmp('qom-set /objects/f1 position head', 'qom-set /objects/f1 position bogus'),
      ...hmp('qom-set /objects/f1 insert before', 'qom-set /objects/f1 insert bogus'),
      ...hmp(
        'info network',
        'qom-get /objects/f1 maxlen',
        'qom-get /objects/f1 file',
        'qom-get /objects/f1 insert',
      ),
      ...hmp('object_del f4', 'object_del f4', 'info network', 'device_del net0', 'info network'),
      ...hmp(
        'netdev_del n0',
        'info network',
        'qom-list /objects',
        'object_del f1',
        'netdev_del n1',
        'info network',
      ),
    ],
  },
  {
    name: 'netdev_user_rest',
    guest: false,
    steps: [
      ...hmp('chardev-add null,id=c1'),
      ...USER_REST.flatMap((options, n) => hmp(`netdev_add user,id=r${n},${options}`)),
      ...hmp('info network', 'info chardev', 'netdev_del r24', 'netdev_del r27', 'info chardev'),
      ...hmp('chardev-remove c1', 'announce_self', 'announce_self zz', 'announce_self a,b id'),
    ],
  },
  {
    name: 'errors_netdev_socket',
    guest: false,
    steps: [
      ...hmp('netdev_add socket', 'netdev_add socket,id=s1', 'netdev_add socket,id=1a'),
      ...BAD_SOCKET_OPTIONS.flatMap((options, n) => hmp(`netdev_add socket,id=b${n},${options}`)),
      ...GOOD_SOCKET_OPTIONS.flatMap((options, n) => hmp(`netdev_add socket,id=g${n},${options}`)),
      ...hmp('netdev_add socket,id=again,listen=127.0.0.1:17788', 'netdev_add socket,id=g0,listen=:0'),
      ...hmp('info network', 'netdev_add hubport,id=h1,hubid=0,netdev=g0', `${NIC},netdev=g4,id=nic0`),
      ...hmp('info network', 'netdev_del g4', 'netdev_del g0', 'info network', 'netdev_del h1'),
      ...hmp('netdev_add socket,id=again,listen=127.0.0.1:17788', 'info network'),
    ],
  },
  {
    name: 'errors_netdev',
    guest: false,
    steps: [
      ...hmp('info network', 'info usernet', 'netdev_add', 'netdev_add user', 'netdev_add id=n5'),
      ...hmp('hostfwd_add tcp::5-:22', 'hostfwd_remove tcp::5', 'hostfwd_add n1 tcp::5-:22'),
      ...hmp(
        'netdev_add foo,id=n2',
        'netdev_add user,id=1a',
        'netdev_add none,id=s1',
        'netdev_add nic,id=s1',
      ),
      ...hmp('netdev_add netmap,id=s1,ifname=x'),
      ...BAD_USER_OPTIONS.flatMap((options, n) => hmp(`netdev_add user,id=b${n},${options}`)),
      ...GOOD_USER_OPTIONS.flatMap((options, n) => hmp(`netdev_add user,id=g${n},${options}`)),
      ...hmp(
        'netdev_add hubport,id=h1',
        'netdev_add hubport,id=h2,hubid=zz',
        'netdev_add hubport,id=h3,hubid=1,x=2',
      ),
      ...hmp(
        'netdev_add hubport,id=h4,hubid=99999999999999999999',
        'netdev_add hubport,id=h5,hubid=5000000000',
      ),
      ...hmp('netdev_add hubport,id=h6,hubid=-1', 'netdev_add hubport,id=h7,hubid=0,netdev=g0'),
      ...hmp('netdev_add hubport,id=h8,hubid=0,netdev=zz', 'netdev_add hubport,id=h9,hubid=0'),
      ...hmp('netdev_add user,id=g0', 'info network', 'netdev_del zz', 'netdev_del g0', 'netdev_del g0'),
      ...hmp('netdev_del h6', 'netdev_del #block', 'set_link zz off', 'set_link g1 foo', 'set_link g1 off'),
      ...hmp('hostfwd_add zz tcp::5-:22', 'hostfwd_add h9 tcp::5-:22', 'hostfwd_add g1 xx', 'hostfwd_add zz'),
      ...hmp(
        'hostfwd_remove g1 tcp::5',
        'hostfwd_remove g1 xx',
        'hostfwd_remove tcp::5',
        'hostfwd_remove zz tcp::5',
      ),
      ...hmp('hostfwd_remove g1 udp:127.0.0.1:55', 'hostfwd_remove g1 tcp::1x', 'hostfwd_remove h9 tcp::5'),
      ...hmp('netdev_add user,id=g0', 'info network', 'info usernet', 'info network zz'),
    ],
  },
  {
    name: 'nic_virtio',
    guest: false,
    steps: [
      ...hmp(NIC, 'info network', `${NIC},netdev=zz`, `${NIC},netdev=`, 'netdev_add user,id=n1'),
      ...['zz', '52:54:00:12:34', '5254:00:12:34:AB', '5:4:0:2:4:B', ''].flatMap((mac) =>
        hmp(`${NIC},netdev=n1,id=nic0,mac=${mac}`),
      ),
      ...hmp(`${NIC},netdev=n1,id=nic0,mac=52-54-00-12-34-5A`, 'info network', `${NIC},netdev=n1,id=nic1`),
      ...hmp(`${NIC},netdev=nic0,id=nic1`, 'device_add virtio-net-device,id=nic1', 'info qtree'),
      ...hmp(
        `${NIC},id=nic1`,
        `${NIC},id=nic2,mac=00:00:00:00:00:00`,
        `${NIC},id=nic3,mac=52:54-00:12:34:57`,
      ),
      ...hmp(`${NIC},id=nic4`, 'device_add virtio-net,romfile=,id=nic5,duplex=half,speed=100'),
      ...[
        'rx_queue_size=100',
        'rx_queue_size=2048',
        'tx_queue_size=300',
        'tx_queue_size=128',
        'duplex=foo',
      ].flatMap((wrong) => hmp(`${NIC},id=bad,${wrong}`)),
      ...[
        'speed=-2',
        'host_mtu=70000',
        'mq=zz',
        'vectors=-2',
        'rx_queue_size=1024,tx_queue_size=512,speed=-3',
      ].flatMap((wrong) => hmp(`${NIC},id=bad,${wrong}`)),
      ...hmp(`${NIC},id=nic6,status=off,mq=on,host_mtu=1400,ctrl_vq=off,vectors=0`, 'info network'),
      ...hmp('set_link nic1 off', 'set_link n1 off', 'set_link n1 on', 'netdev_del nic1', 'netdev_del n1'),
      ...hmp('info network', 'netdev_del n1', 'netdev_add user,id=n1', 'set_link n1 off', 'info network'),
      ...hmp('netdev_add hubport,id=h1,hubid=7', `${NIC},netdev=h1,id=nic7`, 'info network', 'netdev_del h1'),
      ...hmp('info network', 'info pci'),
    ],
  },
  {
    name: 'nic_cards',
    guest: false,
    steps: [
      ...hmp('netdev_add user,id=n1', 'netdev_add user,id=n2', 'netdev_add hubport,id=h1,hubid=0'),
      ...hmp('device_add e1000,netdev=n1,id=nic0,mac=zz', 'device_add e1000,netdev=n1,id=nic0,foo=1'),
      ...hmp('device_add e1000,netdev=n1,id=nic0,romfile=/nope', 'device_add e1000,netdev=zz,id=nic0'),
      ...hmp('device_add e1000,netdev=n1,id=nic0,mac=52:54:00:00:00:07', 'device_add rtl8139,netdev=n1'),
      ...hmp(
        'device_add e1000-82540em,id=nic1,mitigation=off,autonegotiation=off',
        'device_add e1000-82544gc',
      ),
      ...hmp(
        'device_add e1000-82545em,rombar=0',
        'device_add e1000-82545em,romfile=,extra_mac_registers=off',
      ),
      ...hmp('device_add rtl8139,netdev=n2,id=nic2', 'device_add ne2k_pci,netdev=h1,id=nic3'),
      ...hmp('device_add e1000e,id=nic5,subsys=0x1234,subsys_ven=99999', 'device_add e1000e,help'),
      ...hmp('device_add e1000e,id=nic5,subsys=0x1234,subsys_ven=1'),
      ...hmp('device_add pcnet,id=nic4,addr=1f.0', 'device_add pcnet,id=nic4', 'info network', 'info pci'),
      ...hmp(
        'info qtree',
        'set_link nic0 off',
        'set_link nic2 off',
        'set_link pcnet.0 off',
        'set_link h1 off',
      ),
      ...hmp('netdev_del n1', 'info network', 'device_del nic0', 'info network', 'netdev_del n1'),
      ...hmp(
        'device_add e1000,help',
        'device_add rtl8139,help',
        'device_add ne2k_pci,help',
        'device_add pcnet,help',
      ),
    ],
  },
];
