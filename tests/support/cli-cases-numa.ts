/** Command lines about NUMA nodes that QEMU refuses, or warns of before it refuses something else. */
const SMALL = '-m 16 -nodefaults -display none -S';
const OLD = `${SMALL} -M pc-i440fx-5.0`;
const ONE = `${SMALL} -object memory-backend-ram,id=a,size=16M -numa node,memdev=a`;
const TWO = `${ONE} -numa node`;
const HMAT = `${SMALL} -M hmat=on -smp 2 -object memory-backend-ram,id=a,size=16M -numa node,memdev=a,cpus=0 -numa node,cpus=1`;
const VALUE = 'hmat-lb,initiator=0,target=0,hierarchy=memory,data-type';
const SPEEDS = `${HMAT} -numa ${VALUE}=read-latency,latency=5 -numa ${VALUE}=write-bandwidth,bandwidth=5M`;
const CACHE = 'associativity=direct,policy=write-back,line=8';

export const NUMA_LINES: readonly string[] = [
  '-numa',
  `${SMALL} -numa ''`,
  ...[
    ...[
      'foo',
      'node',
      'node,foo=1',
      'node,nodeid=x',
      'node,nodeid=-1',
      'node,nodeid=70000',
      'node,nodeid=128',
    ],
    ...[
      'node,nodeid=1',
      'node,nodeid',
      'node,id=x',
      'node,id=5',
      'node,mem=16M',
      'node,mem=x',
      'node,memdev=zz',
    ],
    ...['node,memdev=pc.ram', 'node,memdev=/machine', 'node,cpus=x', 'node,cpus=3-1', 'node,cpus=0-70000'],
    ...['node,cpus=70000', 'node,cpus=', 'node,cpus', 'node,initiator=0', 'node,cpus=0-0x2'],
    ...[
      'cpu,socket-id=0',
      'cpu,node-id=0',
      'dist,src=0',
      'dist,src=0,dst=0,val=300',
      'dist,src=0,dst=0,val=10',
    ],
    ...[
      'dist,src=128,dst=0,val=10',
      'hmat-lb',
      'hmat-lb,initiator=0,target=0,hierarchy=zz',
      'type=node,type=cpu',
    ],
  ].map((numa) => `${SMALL} -numa ${numa}`),
  `${SMALL} -M none -numa node`,
  `${SMALL} -M hmat=maybe`,
  `${SMALL} -M none,hmat=on`,
  `${ONE} -numa node,nodeid=0`,
  `${ONE} -numa node,nodeid=2`,
  `${ONE} -numa node,memdev=a`,
  `${ONE} -numa node,mem=1`,
  `${ONE},mem=16M`,
  `${ONE} -m 32`,
  `${ONE},cpus=0 -numa node,cpus=0`,
  `${ONE} -smp 3 -numa cpu,node-id=0,core-id=1 -device nosuch`,
  `${ONE} -smp 4,sockets=2,dies=2,cores=1 -numa cpu,node-id=0,die-id=1 -device nosuch`,
  ...[
    ...[
      'socket-id=7',
      'cluster-id=0,die-id=0',
      'die-id=0',
      'core-id=x',
      'foo=1',
      'thread-id=99999999999999999999',
    ],
  ].map((ids) => `${ONE} -numa cpu,node-id=0,${ids}`),
  `${TWO} -smp 2 -numa cpu,node-id=0 -numa cpu,node-id=1,core-id=1`,
  ...['src=0,dst=1,val=9', 'src=0,dst=0,val=20', 'src=0,dst=2,val=20', 'src=0,dst=128,val=20'].map(
    (dist) => `${TWO} -numa dist,${dist}`,
  ),
  `${TWO} -numa node -numa dist,src=0,dst=1,val=20`,
  `${TWO} -numa node -numa dist,src=0,dst=1,val=20 -numa dist,src=1,dst=0,val=30 -numa dist,src=0,dst=2,val=30 -numa dist,src=1,dst=2,val=30`,
  `${OLD} -numa node,mem=8 -numa node,mem=64K`,
  `${OLD} -numa node,mem=8M -numa node,memdev=a -object memory-backend-ram,id=a,size=8M`,
  `${OLD} -smp 2 -numa node,mem=8M,cpus=1 -numa node,mem=8192K -device nosuch`,
  `${ONE} -numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=5`,
  `${ONE} -numa hmat-cache,node-id=0,size=10K,level=1,${CACHE}`,
  ...['cpus=0,initiator=0', 'initiator=5'].map(
    (more) =>
      `${SMALL} -M hmat=on -object memory-backend-ram,id=a,size=16M -numa node -numa node,memdev=a,${more}`,
  ),
  `${ONE} -M hmat=on -numa node,initiator=1`,
  ...[
    `${VALUE}=access-latency`,
    `${VALUE}=access-latency,latency=5,bandwidth=5M`,
    `${VALUE}=access-bandwidth,latency=5`,
    `${VALUE}=access-bandwidth,bandwidth=5`,
    `${VALUE}=access-bandwidth,bandwidth=65535M`,
    'hmat-lb,initiator=2,target=0,hierarchy=memory,data-type=access-latency,latency=5',
    'hmat-lb,initiator=0,target=2,hierarchy=memory,data-type=access-latency,latency=5',
    'hmat-lb,initiator=128,target=128,hierarchy=memory,data-type=access-latency,latency=5',
    'hmat-lb,initiator=1,target=3,hierarchy=memory,data-type=access-latency,latency=5',
    `hmat-cache,node-id=2,size=10K,level=1,${CACHE}`,
    `hmat-cache,node-id=0,size=10K,level=1,${CACHE}`,
  ].map((numa) => `${HMAT} -numa ${numa}`),
  `${SPEEDS} -numa ${VALUE}=read-latency,latency=6`,
  `${SPEEDS} -numa hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=read-latency,latency=65535`,
  `${SPEEDS} -numa hmat-lb,initiator=0,target=1,hierarchy=memory,data-type=write-bandwidth,bandwidth=1T`,
  ...['level=0', 'level=4', 'level=3', 'level=300'].map(
    (level) => `${SPEEDS} -numa hmat-cache,node-id=0,size=10K,${level},${CACHE}`,
  ),
  ...['level=1', 'level=2'].map(
    (level) =>
      `${SPEEDS} -numa hmat-cache,node-id=0,size=10K,level=1,${CACHE} -numa hmat-cache,node-id=0,size=10K,${level},${CACHE}`,
  ),
];
