/** Instructions with an EVEX prefix that names the map 0F. Spec: Intel SDM vol. 2 §5. The text is explained in `table.ts` and `evex.ts`. */
import { OpcodeMap } from './table.ts';

export const EVEX_MAP_0F = new OpcodeMap(`
  10 np w0 k nf z vmovups Wl,Vl
  10 np w l01 k n16 vmovups Wx,Vx
  10 66 w k nf z vmovupd Wl,Vl
  10 f3 w0 l0 n4 vmovss M,Vl
  10 f3 w0 l0 k vmovss Ul,Hl,Vl
  10 f3 w l01 n4 vmovss M,Vx
  10 f3 w l01 k vmovss Ux,Hx,Vx
  10 f2 w l0 n8 vmovsd M,Vl
  10 f2 w l0 k vmovsd Ul,Hl,Vl
  11 np w0 k nf zr vmovups Vl,Wl
  11 np w l01 k n16 vmovups Vx,Wx
  11 66 w k nf zr vmovupd Vl,Wl
  11 f3 w0 l0 k n4 vmovss Vl,M
  11 f3 w0 l0 vmovss Vl,Hl,Ul
  11 f3 w l01 k n4 vmovss Vx,M
  11 f3 w l01 vmovss Vx,Hx,Ux
  11 f2 w l0 k n8 vmovsd Vl,M
  11 f2 w l0 vmovsd Vl,Hl,Ul
  12 np w0 l0 vmovhlps Ul,Hl,Vl
  12 np w l01 vmovhlps Ux,Hx,Vx
  12 66 w l2 n64 vmovddup Wl,Vl
  12 f3 w0 l2 n64 vmovsldup Wl,Vl
  14 np w0 l2 n64 vunpcklps Wl,Hl,Vl
  14 66 w l2 n64 vunpcklpd Wl,Hl,Vl
  15 np w0 l2 n64 vunpckhps Wl,Hl,Vl
  15 66 w l2 n64 vunpckhpd Wl,Hl,Vl
  16 np w0 l0 vmovlhps Ul,Hl,Vl
  16 np w l01 vmovlhps Ux,Hx,Vx
  16 f3 w0 l2 n64 vmovshdup Wl,Vl
  28 np w0 k nf z vmovaps Wl,Vl
  28 np w l01 k n16 vmovaps Wx,Vx
  28 66 w k nf z vmovapd Wl,Vl
  29 np w0 k nf zr vmovaps Vl,Wl
  29 np w l01 k n16 vmovaps Vx,Wx
  29 66 w k nf zr vmovapd Vl,Wl
  2a f3 w0 l0 n4 vcvtsi2ssl Ed,Hl,Vl
  2a f3 w l0 n8 vcvtsi2ssq Eq,Hl,Vl
  2a f3 w l n4 vcvtsi2ssl Ed,Hx,Vx
  2a f2 w0 l0 n4 vcvtsi2sdl Ed,Hl,Vl
  2a f2 w l0 n8 vcvtsi2sdq Eq,Hl,Vl
  2a f2 w l n4 vcvtsi2sdl Ed,Hx,Vx
  2b np w0 nf vmovntps Vl,M
  2b np w l01 n16 vmovntps Vx,M
  2b 66 w nf vmovntpd Vl,M
  2c f3 w0 l0 n4 vcvttss2si Wl,Gd
  2c f3 w l0 n4 vcvttss2si Wl,Gq
  2c f3 w l n4 vcvttss2si Wx,Gd
  2c f2 w0 l0 n8 vcvttsd2si Wl,Gd
  2c f2 w l0 n8 vcvttsd2si Wl,Gq
  2c f2 w l n8 vcvttsd2si Wx,Gd
  2d f3 w0 l0 n4 vcvtss2si Wl,Gd
  2d f3 w l0 n4 vcvtss2si Wl,Gq
  2d f3 w l n4 vcvtss2si Wx,Gd
  2d f2 w0 l0 n8 vcvtsd2si Wl,Gd
  2d f2 w l0 n8 vcvtsd2si Wl,Gq
  2d f2 w l n8 vcvtsd2si Wx,Gd
  2e np w0 l0 n4 vucomiss Wl,Vl
  2e np w l01 n4 vucomiss Wx,Vx
  2e 66 w l0 n8 vucomisd Wl,Vl
  2f np w0 l0 n4 vcomiss Wl,Vl
  2f np w l01 n4 vcomiss Wx,Vx
  2f 66 w l0 n8 vcomisd Wl,Vl
  51 np w0 b4 k nf z vsqrtps Wl,Vl
  51 np w l01 k n16 vsqrtps Wx,Vx
  51 66 w b8 k nf z vsqrtpd Wl,Vl
  51 f3 w0 l0 n4 vsqrtss Wl,Hl,Vl
  51 f3 w l01 n4 vsqrtss Wx,Hx,Vx
  51 f2 w l0 n8 vsqrtsd Wl,Hl,Vl
  58 np w0 b4 er0 k nf z vaddps Wl,Hl,Vl
  58 np w l01 k n16 vaddps Wx,Hx,Vx
  58 66 w b8 er0 k nf z vaddpd Wl,Hl,Vl
  58 f3 w0 l0 er0 k n4 z vaddss Wl,Hl,Vl
  58 f3 w l01 k n4 z vaddss Wx,Hx,Vx
  58 f2 w l0 er0 k n8 z vaddsd Wl,Hl,Vl
  59 np w0 b4 er0 k nf z vmulps Wl,Hl,Vl
  59 np w l01 k n16 vmulps Wx,Hx,Vx
  59 66 w b8 er0 k nf z vmulpd Wl,Hl,Vl
  59 f3 w0 l0 er0 k n4 z vmulss Wl,Hl,Vl
  59 f3 w l01 k n4 z vmulss Wx,Hx,Vx
  59 f2 w l0 er0 k n8 z vmulsd Wl,Hl,Vl
  5a np w0 l2 n32 vcvtps2pd Wh,Vl
  5a 66 w l2 er0 n64 vcvtpd2ps Wl,Vh
  5a f3 w0 l0 n4 vcvtss2sd Wl,Hl,Vl
  5a f3 w l01 n4 vcvtss2sd Wx,Hx,Vx
  5a f2 w l0 n8 vcvtsd2ss Wl,Hl,Vl
  5b np w0 l2 er0 n64 vcvtdq2ps Wl,Vl
  5b 66 w0 l2 er0 n64 vcvtps2dq Wl,Vl
  5b f3 w0 l2 n64 vcvttps2dq Wl,Vl
  5c np w0 b4 er0 k nf z vsubps Wl,Hl,Vl
  5c np w l01 k n16 vsubps Wx,Hx,Vx
  5c 66 w b8 er0 k nf z vsubpd Wl,Hl,Vl
  5c f3 w0 l0 er0 k n4 z vsubss Wl,Hl,Vl
  5c f3 w l01 k n4 z vsubss Wx,Hx,Vx
  5c f2 w l0 er0 k n8 z vsubsd Wl,Hl,Vl
  5d np w0 b4 k nf z vminps Wl,Hl,Vl
  5d np w l01 k n16 vminps Wx,Hx,Vx
  5d 66 w b8 k nf z vminpd Wl,Hl,Vl
  5d f3 w0 l0 k n4 z saed vminss Wl,Hl,Vl
  5d f3 w l01 k n4 z vminss Wx,Hx,Vx
  5d f2 w l0 k n8 z saed vminsd Wl,Hl,Vl
  5e np w0 b4 er0 k nf z vdivps Wl,Hl,Vl
  5e np w l01 k n16 vdivps Wx,Hx,Vx
  5e 66 w b8 er0 k nf z vdivpd Wl,Hl,Vl
  5e f3 w0 l0 er0 k n4 z vdivss Wl,Hl,Vl
  5e f3 w l01 k n4 z vdivss Wx,Hx,Vx
  5e f2 w l0 er0 k n8 z vdivsd Wl,Hl,Vl
  5f np w0 b4 k nf z vmaxps Wl,Hl,Vl
  5f np w l01 k n16 vmaxps Wx,Hx,Vx
  5f 66 w b8 k nf z vmaxpd Wl,Hl,Vl
  5f f3 w0 l0 k n4 z saed vmaxss Wl,Hl,Vl
  5f f3 w l01 k n4 z vmaxss Wx,Hx,Vx
  5f f2 w l0 k n8 z saed vmaxsd Wl,Hl,Vl
  62 66 w0 l2 n64 vpunpckldq Wl,Hl,Vl
  64 66 w0 l0 k n16 vpcmpgtb Wl,Hl,Kg
  64 66 w l01 n16 vpcmpgtb Wx,Hx,Kg
  65 66 w0 l01 k nf vpcmpgtw Wl,Hl,Kg
  65 66 w l01 n16 vpcmpgtw Wx,Hx,Kg
  66 66 w0 l12 b4 k nf vpcmpgtd Wl,Hl,Kg
  6a 66 w0 l2 n64 vpunpckhdq Wl,Hl,Vl
  6c 66 w l2 n64 vpunpcklqdq Wl,Hl,Vl
  6d 66 w l2 n64 vpunpckhqdq Wl,Hl,Vl
  6e 66 w0 l0 n4 vmovd Ed,Vl
  6e 66 w l0 n8 vmovq Eq,Vl
  6e 66 w l n4 vmovd Ed,Vx
  6f 66 w0 k nf z vmovdqa32 Wl,Vl
  6f 66 w m64 k nf z vmovdqa64 Wl,Vl
  6f 66 w m32 k nf z vmovdqa32 Wl,Vl
  6f f3 w0 k nf z vmovdqu32 Wl,Vl
  6f f3 w m64 k nf z vmovdqu64 Wl,Vl
  6f f3 w m32 k nf z vmovdqu32 Wl,Vl
  6f f2 w0 k nf z vmovdqu8 Wl,Vl
  6f f2 w k nf z vmovdqu16 Wl,Vl
  70 66 w0 l2 n64 vpshufd Ib,Wl,Vl
  72 66 w0 l2 /2 k z n64 t vpsrld Ib,Wl,Hl
  72 66 w0 l2 /4 k z n64 t vpsrad Ib,Wl,Hl
  72 66 w0 l2 /6 k z n64 t vpslld Ib,Wl,Hl
  72 66 w l2 /4 k z n64 t vpsraq Ib,Wl,Hl
  73 66 w l2 /2 k z n64 t vpsrlq Ib,Wl,Hl
  73 66 w l2 /6 k z n64 t vpsllq Ib,Wl,Hl
  74 66 w0 l0 k n16 vpcmpeqb Wl,Hl,Kg
  74 66 w l01 n16 vpcmpeqb Wx,Hx,Kg
  75 66 w0 l01 k nf vpcmpeqw Wl,Hl,Kg
  75 66 w l01 n16 vpcmpeqw Wx,Hx,Kg
  76 66 w0 l12 b4 k nf vpcmpeqd Wl,Hl,Kg
  78 np w0 l2 n64 vcvttps2udq Wl,Vl
  78 np w l2 n64 vcvttpd2udq Wl,Vh
  78 f3 w0 l0 n4 vcvttss2usi Wl,Gd
  78 f3 w l0 n4 vcvttss2usi Wl,Gq
  78 f3 w l n4 vcvttss2usi Wx,Gd
  78 f2 w0 l0 n8 vcvttsd2usi Wl,Gd
  78 f2 w l0 n8 vcvttsd2usi Wl,Gq
  78 f2 w l n8 vcvttsd2usi Wx,Gd
  79 np w0 l2 er0 n64 vcvtps2udq Wl,Vl
  79 np w l2 er0 n64 vcvtpd2udq Wl,Vh
  79 f3 w0 l0 n4 vcvtss2usi Wl,Gd
  79 f3 w l0 n4 vcvtss2usi Wl,Gq
  79 f3 w l n4 vcvtss2usi Wx,Gd
  79 f2 w0 l0 n8 vcvtsd2usi Wl,Gd
  79 f2 w l0 n8 vcvtsd2usi Wl,Gq
  79 f2 w l n8 vcvtsd2usi Wx,Gd
  7a f3 w0 l2 n32 vcvtudq2pd Wh,Vl
  7a f2 w0 l2 er0 n64 vcvtudq2ps Wl,Vl
  7b f3 w0 l0 n4 vcvtusi2ssl Ed,Hl,Vl
  7b f3 w l0 n8 vcvtusi2ssq Eq,Hl,Vl
  7b f3 w l n4 vcvtusi2ssl Ed,Hx,Vx
  7b f2 w0 l0 n4 vcvtusi2sdl Ed,Hl,Vl
  7b f2 w l0 n8 vcvtusi2sdq Eq,Hl,Vl
  7b f2 w l n4 vcvtusi2sdl Ed,Hx,Vx
  7e 66 w0 l0 n4 vmovd Vl,Ed
  7e 66 w l0 n8 vmovq Vl,Eq
  7e 66 w l n4 vmovd Vx,Ed
  7e f3 w l0 n8 vmovq Wl,Vl
  7f 66 w0 k nf zr vmovdqa32 Vl,Wl
  7f 66 w m64 k nf zr vmovdqa64 Vl,Wl
  7f 66 w m32 k nf zr vmovdqa32 Vl,Wl
  7f f3 w0 k nf zr vmovdqu32 Vl,Wl
  7f f3 w m64 k nf zr vmovdqu64 Vl,Wl
  7f f3 w m32 k nf zr vmovdqu32 Vl,Wl
  7f f2 w0 k nf zr vmovdqu8 Vl,Wl
  7f f2 w k nf zr vmovdqu16 Vl,Wl
  c2 np w0 l2 n64 sae0 vcmp*ps Wl,Hl,Kg
  c2 66 w l2 n64 sae0 vcmp*pd Wl,Hl,Kg
  c2 f3 w0 l0 n16 vcmp*ss Wl,Hl,Kg
  c2 f3 w l01 n16 vcmp*ss Wx,Hx,Kg
  c2 f2 w l0 n16 vcmp*sd Wl,Hl,Kg
  c6 np w0 l2 n64 vshufps Ib,Wl,Hl,Vl
  c6 66 w l2 n64 vshufpd Ib,Wl,Hl,Vl
  d2 66 w0 l2 k n16 z t vpsrld Wx,Hl,Vl
  d3 66 w l2 k n16 z t vpsrlq Wx,Hl,Vl
  d4 66 w b8 k nf z vpaddq Wl,Hl,Vl
  d5 66 w0 k nf z vpmullw Wl,Hl,Vl
  d5 66 w l01 n16 vpmullw Wx,Hx,Vx
  d6 66 w l0 n8 vmovq Vl,M
  da 66 w0 k nf z vpminub Wl,Hl,Vl
  da 66 w l01 n16 vpminub Wx,Hx,Vx
  db 66 w0 b4 k nf z vpandd Wl,Hl,Vl
  db 66 w b8 k nf z vpandq Wl,Hl,Vl
  de 66 w0 k nf z vpmaxub Wl,Hl,Vl
  de 66 w l01 n16 vpmaxub Wx,Hx,Vx
  df 66 w0 b4 k nf z vpandnd Wl,Hl,Vl
  df 66 w b8 k nf z vpandnq Wl,Hl,Vl
  e2 66 w0 l2 k n16 z t vpsrad Wx,Hl,Vl
  e2 66 w l2 k n16 z t vpsraq Wx,Hl,Vl
  e6 66 w l2 n64 vcvttpd2dq Wl,Vh
  e6 f3 w0 l2 n32 vcvtdq2pd Wh,Vl
  e6 f2 w l2 er0 n64 vcvtpd2dq Wl,Vh
  e7 66 w0 nf vmovntdq Vl,M
  e7 66 w l01 n16 vmovntdq Vx,M
  ea 66 w0 k nf z vpminsw Wl,Hl,Vl
  ea 66 w l01 n16 vpminsw Wx,Hx,Vx
  eb 66 w0 b4 k nf z vpord Wl,Hl,Vl
  eb 66 w b8 k nf z vporq Wl,Hl,Vl
  ee 66 w0 k nf z vpmaxsw Wl,Hl,Vl
  ee 66 w l01 n16 vpmaxsw Wx,Hx,Vx
  ef 66 w0 b4 k nf z vpxord Wl,Hl,Vl
  ef 66 w b8 k nf z vpxorq Wl,Hl,Vl
  f2 66 w0 l2 k n16 z t vpslld Wx,Hl,Vl
  f3 66 w l2 k n16 z t vpsllq Wx,Hl,Vl
  f4 66 w l2 b8 k n64 z vpmuludq Wl,Hl,Vl
  f8 66 w0 k nf z vpsubb Wl,Hl,Vl
  f8 66 w l01 n16 vpsubb Wx,Hx,Vx
  f9 66 w0 k nf z vpsubw Wl,Hl,Vl
  f9 66 w l01 n16 vpsubw Wx,Hx,Vx
  fa 66 w0 b4 k nf z vpsubd Wl,Hl,Vl
  fa 66 w l01 n16 vpsubd Wx,Hx,Vx
  fb 66 w b8 k nf z vpsubq Wl,Hl,Vl
  fc 66 w0 k nf z vpaddb Wl,Hl,Vl
  fc 66 w l01 n16 vpaddb Wx,Hx,Vx
  fd 66 w0 k nf z vpaddw Wl,Hl,Vl
  fd 66 w l01 n16 vpaddw Wx,Hx,Vx
  fe 66 w0 b4 k nf z vpaddd Wl,Hl,Vl
  fe 66 w l01 n16 vpaddd Wx,Hx,Vx
`);
