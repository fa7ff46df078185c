/** Instructions with a VEX prefix that names the map 0F 38. Spec: Intel SDM vol. 2 appendix A. The text is explained in `table.ts`. */
import { OpcodeMap } from './table.ts';

export const VEX_MAP_0F38 = new OpcodeMap(`
  00 66 vpshufb Wl,Hl,Vl
  01 66 vphaddw Wl,Hl,Vl
  02 66 vphaddd Wl,Hl,Vl
  03 66 vphaddsw Wl,Hl,Vl
  04 66 vpmaddubsw Wl,Hl,Vl
  05 66 vphsubw Wl,Hl,Vl
  06 66 vphsubd Wl,Hl,Vl
  07 66 vphsubsw Wl,Hl,Vl
  08 66 vpsignb Wl,Hl,Vl
  09 66 vpsignw Wl,Hl,Vl
  0a 66 vpsignd Wl,Hl,Vl
  0b 66 vpmulhrsw Wl,Hl,Vl
  0c 66 vpermilps Wl,Hl,Vl
  0d 66 vpermilpd Wl,Hl,Vl
  0e 66 vtestps Wl,Vl
  0f 66 vtestpd Wl,Vl
  13 66 vcvtph2ps Wx,Vl
  16 66 l vpermps Wt,Ht,Vt
  17 66 vptest Wl,Vl
  18 66 vbroadcastss Wx,Vl
  19 66 l vbroadcastsd Wx,Vt
  1a 66 l vbroadcastf128 M,Vt
  1c 66 vpabsb Wl,Vl
  1d 66 vpabsw Wl,Vl
  1e 66 vpabsd Wl,Vl
  20 66 vpmovsxbw Wx,Vl
  21 66 vpmovsxbd Wx,Vl
  22 66 vpmovsxbq Wx,Vl
  23 66 vpmovsxwd Wx,Vl
  24 66 vpmovsxwq Wx,Vl
  25 66 vpmovsxdq Wx,Vl
  28 66 vpmuldq Wl,Hl,Vl
  29 66 vpcmpeqq Wl,Hl,Vl
  2a 66 vmovntdqa M,Vl
  2b 66 vpackusdw Wl,Hl,Vl
  2c 66 vmaskmovps M,Hl,Vl
  2d 66 vmaskmovpd M,Hl,Vl
  2e 66 vmaskmovps Vl,Hl,M
  2f 66 vmaskmovpd Vl,Hl,M
  30 66 vpmovzxbw Wx,Vl
  31 66 vpmovzxbd Wx,Vl
  32 66 vpmovzxbq Wx,Vl
  33 66 vpmovzxwd Wx,Vl
  34 66 vpmovzxwq Wx,Vl
  35 66 vpmovzxdq Wx,Vl
  36 66 l vpermd Wt,Ht,Vt
  37 66 vpcmpgtq Wl,Hl,Vl
  38 66 vpminsb Wl,Hl,Vl
  39 66 vpminsd Wl,Hl,Vl
  3a 66 vpminuw Wl,Hl,Vl
  3b 66 vpminud Wl,Hl,Vl
  3c 66 vpmaxsb Wl,Hl,Vl
  3d 66 vpmaxsd Wl,Hl,Vl
  3e 66 vpmaxuw Wl,Hl,Vl
  3f 66 vpmaxud Wl,Hl,Vl
  40 66 vpmulld Wl,Hl,Vl
  41 66 l0 vphminposuw Wx,Vx
  45 66 w0 vpsrlvd Wl,Hl,Vl
  45 66 w vpsrlvq Wl,Hl,Vl
  46 66 vpsravd Wl,Hl,Vl
  47 66 w0 vpsllvd Wl,Hl,Vl
  47 66 w vpsllvq Wl,Hl,Vl
  58 66 vpbroadcastd Wx,Vl
  59 66 vpbroadcastq Wx,Vl
  78 66 vpbroadcastb Wx,Vl
  79 66 vpbroadcastw Wx,Vl
  8c 66 w0 vpmaskmovd M,Hl,Vl
  8c 66 w vpmaskmovq M,Hl,Vl
  8e 66 w0 vpmaskmovd Vl,Hl,M
  8e 66 w vpmaskmovq Vl,Hl,M
  90 66 w0 vpgatherdd Hl,Mv,Vl
  90 66 w vpgatherdq Hl,Mv,Vl
  91 66 w0 vpgatherqd Hx,Mv,Vx
  91 66 w vpgatherqq Hl,Mv,Vl
  92 66 w0 vgatherdps Hl,Mv,Vl
  92 66 w vgatherdpd Hl,Mv,Vl
  93 66 w0 vgatherqps Hx,Mv,Vx
  93 66 w vgatherqpd Hl,Mv,Vl
  96 66 w0 vfmaddsub132ps Wl,Hl,Vl
  96 66 w vfmaddsub132pd Wl,Hl,Vl
  97 66 w0 vfmsubadd132ps Wl,Hl,Vl
  97 66 w vfmsubadd132pd Wl,Hl,Vl
  98 66 w0 vfmadd132ps Wl,Hl,Vl
  98 66 w vfmadd132pd Wl,Hl,Vl
  99 66 w0 vfmadd132ss Wx,Hx,Vx
  99 66 w vfmadd132sd Wx,Hx,Vx
  9a 66 w0 vfmsub132ps Wl,Hl,Vl
  9a 66 w vfmsub132pd Wl,Hl,Vl
  9b 66 w0 vfmsub132ss Wx,Hx,Vx
  9b 66 w vfmsub132sd Wx,Hx,Vx
  9c 66 w0 vfnmadd132ps Wl,Hl,Vl
  9c 66 w vfnmadd132pd Wl,Hl,Vl
  9d 66 w0 vfnmadd132ss Wx,Hx,Vx
  9d 66 w vfnmadd132sd Wx,Hx,Vx
  9e 66 w0 vfnmsub132ps Wl,Hl,Vl
  9e 66 w vfnmsub132pd Wl,Hl,Vl
  9f 66 w0 vfnmsub132ss Wx,Hx,Vx
  9f 66 w vfnmsub132sd Wx,Hx,Vx
  a6 66 w0 vfmaddsub213ps Wl,Hl,Vl
  a6 66 w vfmaddsub213pd Wl,Hl,Vl
  a7 66 w0 vfmsubadd213ps Wl,Hl,Vl
  a7 66 w vfmsubadd213pd Wl,Hl,Vl
  a8 66 w0 vfmadd213ps Wl,Hl,Vl
  a8 66 w vfmadd213pd Wl,Hl,Vl
  a9 66 w0 vfmadd213ss Wx,Hx,Vx
  a9 66 w vfmadd213sd Wx,Hx,Vx
  aa 66 w0 vfmsub213ps Wl,Hl,Vl
  aa 66 w vfmsub213pd Wl,Hl,Vl
  ab 66 w0 vfmsub213ss Wx,Hx,Vx
  ab 66 w vfmsub213sd Wx,Hx,Vx
  ac 66 w0 vfnmadd213ps Wl,Hl,Vl
  ac 66 w vfnmadd213pd Wl,Hl,Vl
  ad 66 w0 vfnmadd213ss Wx,Hx,Vx
  ad 66 w vfnmadd213sd Wx,Hx,Vx
  ae 66 w0 vfnmsub213ps Wl,Hl,Vl
  ae 66 w vfnmsub213pd Wl,Hl,Vl
  af 66 w0 vfnmsub213ss Wx,Hx,Vx
  af 66 w vfnmsub213sd Wx,Hx,Vx
  b6 66 w0 vfmaddsub231ps Wl,Hl,Vl
  b6 66 w vfmaddsub231pd Wl,Hl,Vl
  b7 66 w0 vfmsubadd231ps Wl,Hl,Vl
  b7 66 w vfmsubadd231pd Wl,Hl,Vl
  b8 66 w0 vfmadd231ps Wl,Hl,Vl
  b8 66 w vfmadd231pd Wl,Hl,Vl
  b9 66 w0 vfmadd231ss Wx,Hx,Vx
  b9 66 w vfmadd231sd Wx,Hx,Vx
  ba 66 w0 vfmsub231ps Wl,Hl,Vl
  ba 66 w vfmsub231pd Wl,Hl,Vl
  bb 66 w0 vfmsub231ss Wx,Hx,Vx
  bb 66 w vfmsub231sd Wx,Hx,Vx
  bc 66 w0 vfnmadd231ps Wl,Hl,Vl
  bc 66 w vfnmadd231pd Wl,Hl,Vl
  bd 66 w0 vfnmadd231ss Wx,Hx,Vx
  bd 66 w vfnmadd231sd Wx,Hx,Vx
  be 66 w0 vfnmsub231ps Wl,Hl,Vl
  be 66 w vfnmsub231pd Wl,Hl,Vl
  bf 66 w0 vfnmsub231ss Wx,Hx,Vx
  bf 66 w vfnmsub231sd Wx,Hx,Vx
  db 66 l0 vaesimc Wx,Vx
  dc 66 l0 vaesenc Wx,Hx,Vx
  dd 66 l0 vaesenclast Wx,Hx,Vx
  de 66 l0 vaesdec Wx,Hx,Vx
  df 66 l0 vaesdeclast Wx,Hx,Vx
  f2 np l0 andn' Ey,By,Gy
  f3 np l0 /1 blsr' Ey,By
  f3 np l0 /2 blsmsk' Ey,By
  f3 np l0 /3 blsi' Ey,By
  f5 np l0 bzhi' By,Ey,Gy
  f5 f3 l0 pext' Ey,By,Gy
  f5 f2 l0 pdep' Ey,By,Gy
  f6 f2 l0 mulx' Ey,By,Gy
  f7 np l0 bextr' By,Ey,Gy
  f7 66 l0 shlx' By,Ey,Gy
  f7 f3 l0 sarx' By,Ey,Gy
  f7 f2 l0 shrx' By,Ey,Gy
`);
