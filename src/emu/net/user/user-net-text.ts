/** What `info usernet` shows. The layout is QEMU's. Not modelled: numbers of the host's files. */
import type { Endpoint } from '../net-host.ts';
import { hostText } from './host-forward.ts';
import { formatIpv4 } from './ipv4.ts';
import type { UserNet } from './user-net.ts';

const HEADER = '  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\n';

interface Row {
  readonly state: string;
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: Endpoint;
  readonly toHost?: number;
  readonly toGuest?: number;
}

function line(row: Row): string {
  const { state, source, sourcePort, destination, toHost = 0, toGuest = 0 } = row;
  const cells = [
    state.padEnd(19),
    '-'.padStart(3),
    source.padStart(15),
    String(sourcePort).padStart(5),
    formatIpv4(destination.address).padStart(15),
    ...[destination.port, toHost, toGuest].map((number) => String(number).padStart(5)),
  ];
  return `${cells.join(' ')}\n`;
}

/** @param hub the number of its hub; -1: it is at none */
export function userNetText({ forwards, tcp, udp }: UserNet, name: string, hub: number): string {
  const ofProtocol = (protocol: 'tcp' | 'udp'): readonly Row[] =>
    forwards.rules
      .filter((rule) => rule.protocol === protocol)
      .map(({ host, guest }) => ({
        state: `  ${protocol.toUpperCase()}[HOST_FORWARD]`,
        source: hostText(host),
        sourcePort: host.port,
        destination: guest,
      }));
  const connections = tcp.connections.map((connection): Row => {
    const { guest, remote, stateName, waiting } = connection;
    const ends = { source: formatIpv4(guest.address), sourcePort: guest.port, destination: remote };
    return { state: `  TCP[${stateName}]`, ...ends, ...waiting };
  });
  const flows = udp.rows().map(
    ({ guest, remote, expiresS }): Row => ({
      state: `  UDP[${expiresS} sec]`,
      source: formatIpv4(guest.address),
      sourcePort: guest.port,
      destination: remote,
    }),
  );
  const rows = [...ofProtocol('tcp'), ...connections, ...ofProtocol('udp'), ...flows];
  return `Hub ${hub} (${name}):\n${HEADER}${rows.map(line).join('')}`;
}
