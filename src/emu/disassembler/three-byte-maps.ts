/** Instructions whose opcode follows the bytes 0F 38 or 0F 3A. Spec: Intel SDM vol. 2 appendix A. */
import { OpcodeMap } from './table.ts';

/** MMX instructions that SSE has under the same opcode with prefix 66. */
const BOTH_38: Readonly<Record<string, string>> = {
  '00': 'pshufb',
  '01': 'phaddw',
  '02': 'phaddd',
  '03': 'phaddsw',
  '04': 'pmaddubsw',
  '05': 'phsubw',
  '06': 'phsubd',
  '07': 'phsubsw',
  '08': 'psignb',
  '09': 'psignw',
  '0a': 'psignd',
  '0b': 'pmulhrsw',
  '1c': 'pabsb',
  '1d': 'pabsw',
  '1e': 'pabsd',
};
/** Those with prefix 66 only. */
const SSE_38: Readonly<Record<string, string>> = {
  '10': 'pblendvb',
  '14': 'blendvps',
  '15': 'blendvpd',
  '17': 'ptest',
  '20': 'pmovsxbw',
  '21': 'pmovsxbd',
  '22': 'pmovsxbq',
  '23': 'pmovsxwd',
  '24': 'pmovsxwq',
  '25': 'pmovsxdq',
  '28': 'pmuldq',
  '29': 'pcmpeqq',
  '2b': 'packusdw',
  '30': 'pmovzxbw',
  '31': 'pmovzxbd',
  '32': 'pmovzxbq',
  '33': 'pmovzxwd',
  '34': 'pmovzxwq',
  '35': 'pmovzxdq',
  '37': 'pcmpgtq',
  '38': 'pminsb',
  '39': 'pminsd',
  '3a': 'pminuw',
  '3b': 'pminud',
  '3c': 'pmaxsb',
  '3d': 'pmaxsd',
  '3e': 'pmaxuw',
  '3f': 'pmaxud',
  '40': 'pmulld',
  '41': 'phminposuw',
  db: 'aesimc',
  dc: 'aesenc',
  dd: 'aesenclast',
  de: 'aesdec',
  df: 'aesdeclast',
};

const SSE_3A: Readonly<Record<string, string>> = {
  '08': 'roundps',
  '09': 'roundpd',
  '0a': 'roundss',
  '0b': 'roundsd',
  '0c': 'blendps',
  '0d': 'blendpd',
  '0e': 'pblendw',
  '0f': 'palignr',
  '21': 'insertps',
  '40': 'dpps',
  '41': 'dppd',
  '42': 'mpsadbw',
  '60': 'pcmpestrm',
  '61': 'pcmpestri',
  '62': 'pcmpistrm',
  '63': 'pcmpistri',
  df: 'aeskeygenassist',
};

function rows(names: Readonly<Record<string, string>>, operands: string): string {
  return Object.entries(names)
    .map(([opcode, name]) => `${opcode} ${operands.replace('*', name)}\n`)
    .join('');
}

export const MAP_0F38 = new OpcodeMap(`
  ${rows(BOTH_38, '* Qq,Pq')}
  ${rows(BOTH_38, '66 * Wx,Vx')}
  ${rows(SSE_38, '66 * Wx,Vx')}
  2a 66 movntdqa M,Vx
  80 66 invept M,Gm
  81 66 invvpid M,Gm
  82 66 invpcid M,Gm
  c8 sha1nexte Wx,Vx
  c9 sha1msg1 Wx,Vx
  ca sha1msg2 Wx,Vx
  cb sha256rnds2 Wx,Vx
  cc sha256msg1 Wx,Vx
  cd sha256msg2 Wx,Vx
  f0 movbe% M,Gv
  f0 f2 crc32b Eb,Gy
  f1 movbe% Gv,M
  f1 f2 crc32% Ev,Gy
  f6 66 adcx' Ey,Gy
  f6 f3 adox' Ey,Gy
`);

export const MAP_0F3A = new OpcodeMap(`
  ${rows(SSE_3A, '66 * Ib,Wx,Vx')}
  0f palignr Ib,Qq,Pq
  14 66 pextrb Ib,Vx,Ed
  15 66 pextrw Ib,Vx,Ed
  16 66 pextrd Ib,Vx,Ed
  16 66 w pextrq Ib,Vx,Eq
  17 66 extractps Ib,Vx,Ed
  20 66 pinsrb Ib,Ed,Vx
  22 66 pinsrd Ib,Ed,Vx
  22 66 w pinsrq Ib,Eq,Vx
  44 66 pclmulqdq Ib,Wx,Vx
  cc sha1rnds4 Ib,Wx,Vx
`);
