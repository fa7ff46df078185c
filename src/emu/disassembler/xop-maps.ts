/** Instructions with a XOP prefix. Spec: AMD64 Architecture Programmer's Manual vol. 6. The text is explained in `table.ts`. */
import { OpcodeMap } from './table.ts';

export const XOP_MAP_8 = new OpcodeMap(`
  85 np l0 vpmacssww Lx,Wx,Hx,Vx
  86 np l0 vpmacsswd Lx,Wx,Hx,Vx
  87 np l0 vpmacssdql Lx,Wx,Hx,Vx
  8e np l0 vpmacssdd Lx,Wx,Hx,Vx
  8f np l0 vpmacssdqh Lx,Wx,Hx,Vx
  95 np l0 vpmacsww Lx,Wx,Hx,Vx
  96 np l0 vpmacswd Lx,Wx,Hx,Vx
  97 np l0 vpmacsdql Lx,Wx,Hx,Vx
  9e np l0 vpmacsdd Lx,Wx,Hx,Vx
  9f np l0 vpmacsdqh Lx,Wx,Hx,Vx
  a2 np w0 vpcmov Ll,M,Hl,Vl
  a2 np w vpcmov M,Ll,Hl,Vl
  a2 np vpcmov Ll,Ul,Hl,Vl
  a3 np l0 w0 vpperm Lx,M,Hx,Vx
  a3 np l0 w vpperm M,Lx,Hx,Vx
  a3 np l0 vpperm Lx,Ux,Hx,Vx
  a6 np l0 vpmadcsswd Lx,Wx,Hx,Vx
  b6 np l0 vpmadcswd Lx,Wx,Hx,Vx
  c0 np l0 vprotb Is,Wx,Vx
  c1 np l0 vprotw Is,Wx,Vx
  c2 np l0 vprotd Is,Wx,Vx
  c3 np l0 vprotq Is,Wx,Vx
  cc np l0 vpcom*b Wx,Hx,Vx
  cd np l0 vpcom*w Wx,Hx,Vx
  ce np l0 vpcom*d Wx,Hx,Vx
  cf np l0 vpcom*q Wx,Hx,Vx
  ec np l0 vpcom*ub Wx,Hx,Vx
  ed np l0 vpcom*uw Wx,Hx,Vx
  ee np l0 vpcom*ud Wx,Hx,Vx
  ef np l0 vpcom*uq Wx,Hx,Vx
`);

export const XOP_MAP_9 = new OpcodeMap(`
  01 np l0 /7 t1mskc Ey,By
  01 np l0 /6 blsic Ey,By
  01 np l0 /5 blcic Ey,By
  01 np l0 /4 tzmsk Ey,By
  01 np l0 /3 blcs Ey,By
  01 np l0 /2 blsfill Ey,By
  01 np l0 /1 blcfill Ey,By
  02 np l0 /6 blci Ey,By
  02 np l0 /1 blcmsk Ey,By
  80 np vfrczps Wl,Vl
  81 np vfrczpd Wl,Vl
  82 np l0 vfrczss Wx,Vx
  83 np l0 vfrczsd Wx,Vx
  90 np l0 w0 vprotb Hx,M,Vx
  90 np l0 w vprotb M,Hx,Vx
  90 np l0 vprotb Hx,Ux,Vx
  91 np l0 w0 vprotw Hx,M,Vx
  91 np l0 w vprotw M,Hx,Vx
  91 np l0 vprotw Hx,Ux,Vx
  92 np l0 w0 vprotd Hx,M,Vx
  92 np l0 w vprotd M,Hx,Vx
  92 np l0 vprotd Hx,Ux,Vx
  93 np l0 w0 vprotq Hx,M,Vx
  93 np l0 w vprotq M,Hx,Vx
  93 np l0 vprotq Hx,Ux,Vx
  94 np l0 w0 vpshlb Hx,M,Vx
  94 np l0 w vpshlb M,Hx,Vx
  94 np l0 vpshlb Hx,Ux,Vx
  95 np l0 w0 vpshlw Hx,M,Vx
  95 np l0 w vpshlw M,Hx,Vx
  95 np l0 vpshlw Hx,Ux,Vx
  96 np l0 w0 vpshld Hx,M,Vx
  96 np l0 w vpshld M,Hx,Vx
  96 np l0 vpshld Hx,Ux,Vx
  97 np l0 w0 vpshlq Hx,M,Vx
  97 np l0 w vpshlq M,Hx,Vx
  97 np l0 vpshlq Hx,Ux,Vx
  98 np l0 w0 vpshab Hx,M,Vx
  98 np l0 w vpshab M,Hx,Vx
  98 np l0 vpshab Hx,Ux,Vx
  99 np l0 w0 vpshaw Hx,M,Vx
  99 np l0 w vpshaw M,Hx,Vx
  99 np l0 vpshaw Hx,Ux,Vx
  9a np l0 w0 vpshad Hx,M,Vx
  9a np l0 w vpshad M,Hx,Vx
  9a np l0 vpshad Hx,Ux,Vx
  9b np l0 w0 vpshaq Hx,M,Vx
  9b np l0 w vpshaq M,Hx,Vx
  9b np l0 vpshaq Hx,Ux,Vx
  c1 np l0 vphaddbw Wx,Vx
  c2 np l0 vphaddbd Wx,Vx
  c3 np l0 vphaddbq Wx,Vx
  c6 np l0 vphaddwd Wx,Vx
  c7 np l0 vphaddwq Wx,Vx
  cb np l0 vphadddq Wx,Vx
  d1 np l0 vphaddubw Wx,Vx
  d2 np l0 vphaddubd Wx,Vx
  d3 np l0 vphaddubq Wx,Vx
  d6 np l0 vphadduwd Wx,Vx
  d7 np l0 vphadduwq Wx,Vx
  db np l0 vphaddudq Wx,Vx
  e1 np l0 vphsubbw Wx,Vx
  e2 np l0 vphsubwd Wx,Vx
  e3 np l0 vphsubdq Wx,Vx
`);

export const XOP_MAP_A = new OpcodeMap(`
  10 np l0 bextr Iz,Ey,Gy
`);
