/** Lines of a table of registers that the cards of the 8254x and the 8257x family have alike. */
import { type Register, type RegisterAccess, register } from '../bus/register-table.ts';
import * as r from './e1000-registers.ts';

/** A card with its registers in an array of words. */
export interface HasRegisters {
  readonly mac: r.MacRegisters;
  /** A counter's value, which begins anew. */
  take(register: number): number;
}

export function rowsOf<D extends HasRegisters>() {
  const row = (offset: number, name: string, help: string, access: RegisterAccess<D>): Register<D> =>
    register(offset, 4, name, help, access);
  const read =
    (offset: number) =>
    (own: D): number =>
      own.mac[offset >> 2];
  return {
    row,
    /** A register that holds what is written. */
    plain: (offset: number, name: string, help: string, bits = 0xffff_ffff): Register<D> =>
      row(offset, name, help, {
        read: read(offset),
        write(own, value) {
          own.mac[offset >> 2] = value & bits;
        },
      }),
    readOnly: (offset: number, name: string, help: string): Register<D> =>
      row(offset, name, help, { read: read(offset) }),
    acting: (
      offset: number,
      name: string,
      help: string,
      write: (own: D, value: number) => void,
    ): Register<D> => row(offset, name, help, { read: read(offset), write }),
    /** A counter that begins anew when it is read. */
    counter: (offset: number, name: string, help: string): Register<D> =>
      row(offset, name, help, { read: (own) => own.take(offset) }),
    /** The upper half of one, whose reading clears both. */
    upperCounter: (offset: number, name: string, help: string): Register<D> =>
      row(offset, name, help, {
        read(own) {
          own.take(offset - 4);
          return own.take(offset);
        },
      }),
  };
}

const SIZES = ['64', '127', '255', '511', '1023', '1522'] as const;

/** What is counted. Spec: 8254x SDM §13.7; 82574 datasheet §10.2.7. */
export function statisticsRows<D extends HasRegisters>(): readonly Register<D>[] {
  const { plain, readOnly, counter, upperCounter } = rowsOf<D>();
  return [
    readOnly(0x04000, 'CRCERRS', 'packets with a wrong checksum'),
    readOnly(0x04004, 'ALGNERRC', 'packets that are not aligned'),
    readOnly(0x04008, 'SYMERRS', 'wrong symbols'),
    readOnly(0x0400c, 'RXERRC', 'errors of the PHY'),
    readOnly(r.MPC, 'MPC', 'packets that found no room'),
    readOnly(0x04014, 'SCC', 'single collisions'),
    readOnly(0x04018, 'ECOL', 'excessive collisions'),
    readOnly(0x0401c, 'MCC', 'multiple collisions'),
    readOnly(0x04020, 'LATECOL', 'late collisions'),
    readOnly(0x04028, 'COLC', 'collisions'),
    readOnly(0x04030, 'DC', 'deferred packets'),
    readOnly(0x04034, 'TNCRS', 'packets sent without a carrier'),
    readOnly(0x04038, 'SEC', 'sequence errors'),
    readOnly(0x0403c, 'CEXTERR', 'carrier extension errors'),
    readOnly(0x04040, 'RLEC', 'packets of a wrong length'),
    readOnly(0x04048, 'XONRXC', 'XON received'),
    readOnly(0x0404c, 'XONTXC', 'XON sent'),
    readOnly(0x04050, 'XOFFRXC', 'XOFF received'),
    readOnly(0x04054, 'XOFFTXC', 'XOFF sent'),
    plain(r.FCRUC, 'FCRUC', 'flow control that is not supported'),
    ...SIZES.map((most, n) =>
      counter(r.PRC64 + 4 * n, `PRC${most}`, `received packets of up to ${most} bytes`),
    ),
    counter(r.GPRC, 'GPRC', 'good packets received'),
    counter(r.BPRC, 'BPRC', 'broadcasts received'),
    counter(r.MPRC, 'MPRC', 'multicast packets received'),
    counter(r.GPTC, 'GPTC', 'good packets sent'),
    readOnly(r.GORCL, 'GORCL', 'good bytes received, low half'),
    upperCounter(r.GORCH, 'GORCH', 'good bytes received, high half; reading clears both'),
    readOnly(r.GOTCL, 'GOTCL', 'good bytes sent, low half'),
    upperCounter(r.GOTCH, 'GOTCH', 'good bytes sent, high half; reading clears both'),
    readOnly(r.RNBC, 'RNBC', 'packets for which there was no buffer'),
    counter(r.RUC, 'RUC', 'packets that were too short'),
    readOnly(0x040a8, 'RFC', 'fragments'),
    counter(r.ROC, 'ROC', 'packets that were too long'),
    readOnly(0x040b0, 'RJC', 'jabber'),
    readOnly(0x040b4, 'MGTPRC', 'management packets received'),
    readOnly(0x040b8, 'MGTPDC', 'management packets dropped'),
    readOnly(0x040bc, 'MGTPTC', 'management packets sent'),
    readOnly(r.TORL, 'TORL', 'bytes received, low half'),
    upperCounter(r.TORH, 'TORH', 'bytes received, high half; reading clears both'),
    readOnly(r.TOTL, 'TOTL', 'bytes sent, low half'),
    upperCounter(r.TOTH, 'TOTH', 'bytes sent, high half; reading clears both'),
    counter(r.TPR, 'TPR', 'packets received'),
    counter(r.TPT, 'TPT', 'packets sent'),
    ...SIZES.map((most, n) => counter(r.PTC64 + 4 * n, `PTC${most}`, `sent packets of up to ${most} bytes`)),
    counter(r.MPTC, 'MPTC', 'multicast packets sent'),
    counter(r.BPTC, 'BPTC', 'broadcasts sent'),
    counter(r.TSCTC, 'TSCTC', 'large packets that were cut'),
    readOnly(r.TSCTFC, 'TSCTFC', 'large packets that could not be cut'),
  ];
}
