/** Instructions with a VEX prefix that names the map 0F. Spec: Intel SDM vol. 2 appendix A. The text is explained in `table.ts`. */
import { OpcodeMap } from './table.ts';

export const VEX_MAP_0F = new OpcodeMap(`
  10 np vmovups Wl,Vl
  10 66 vmovupd Wl,Vl
  10 f3 vmovss M,Vx
  10 f3 vmovss Ux,Hx,Vx
  10 f2 vmovsd M,Vx
  10 f2 vmovsd Ux,Hx,Vx
  11 np vmovups Vl,Wl
  11 66 vmovupd Vl,Wl
  11 f3 vmovss Vx,M
  11 f3 vmovss Vx,Hx,Ux
  11 f2 vmovsd Vx,M
  11 f2 vmovsd Vx,Hx,Ux
  12 np l0 vmovlps M,Hx,Vx
  12 np l0 vmovhlps Ux,Hx,Vx
  12 66 l0 vmovlpd M,Hx,Vx
  12 f3 vmovsldup Wl,Vl
  12 f2 vmovddup Wl,Vl
  13 np l0 vmovlps Vx,M
  13 66 l0 vmovlpd Vx,M
  14 np vunpcklps Wl,Hl,Vl
  14 66 vunpcklpd Wl,Hl,Vl
  15 np vunpckhps Wl,Hl,Vl
  15 66 vunpckhpd Wl,Hl,Vl
  16 np l0 vmovhps M,Hx,Vx
  16 np l0 vmovlhps Ux,Hx,Vx
  16 66 l0 vmovhpd M,Hx,Vx
  16 f3 vmovshdup Wl,Vl
  17 np l0 vmovhps Vx,M
  17 66 l0 vmovhpd Vx,M
  28 np vmovaps Wl,Vl
  28 66 vmovapd Wl,Vl
  29 np vmovaps Vl,Wl
  29 66 vmovapd Vl,Wl
  2a f3 vcvtsi2ss' Ey,Hx,Vx
  2a f2 vcvtsi2sd' Ey,Hx,Vx
  2b np vmovntps Vl,M
  2b 66 vmovntpd Vl,M
  2c f3 vcvttss2si Wx,Gy
  2c f2 vcvttsd2si Wx,Gy
  2d f3 vcvtss2si Wx,Gy
  2d f2 vcvtsd2si Wx,Gy
  2e np vucomiss Wx,Vx
  2e 66 vucomisd Wx,Vx
  2f np vcomiss Wx,Vx
  2f 66 vcomisd Wx,Vx
  41 np l w0 kandw Kr,Kv,Kg
  41 66 l w0 kandb Kr,Kv,Kg
  42 np l w0 kandnw Kr,Kv,Kg
  42 66 l w0 kandnb Kr,Kv,Kg
  44 np l0 w0 knotw Kr,Kg
  44 66 l0 w0 knotb Kr,Kg
  45 np l w0 korw Kr,Kv,Kg
  45 66 l w0 korb Kr,Kv,Kg
  46 np l w0 kxnorw Kr,Kv,Kg
  46 66 l w0 kxnorb Kr,Kv,Kg
  47 np l w0 kxorw Kr,Kv,Kg
  47 66 l w0 kxorb Kr,Kv,Kg
  4b 66 l kunpckbw Kr,Kv,Kg
  50 np vmovmskps Ul,Gd
  50 66 vmovmskpd Ul,Gd
  51 np vsqrtps Wl,Vl
  51 66 vsqrtpd Wl,Vl
  51 f3 vsqrtss Wx,Hx,Vx
  51 f2 vsqrtsd Wx,Hx,Vx
  52 np vrsqrtps Wl,Vl
  52 f3 vrsqrtss Wx,Hx,Vx
  53 np vrcpps Wl,Vl
  53 f3 vrcpss Wx,Hx,Vx
  54 np vandps Wl,Hl,Vl
  54 66 vandpd Wl,Hl,Vl
  55 np vandnps Wl,Hl,Vl
  55 66 vandnpd Wl,Hl,Vl
  56 np vorps Wl,Hl,Vl
  56 66 vorpd Wl,Hl,Vl
  57 np vxorps Wl,Hl,Vl
  57 66 vxorpd Wl,Hl,Vl
  58 np vaddps Wl,Hl,Vl
  58 66 vaddpd Wl,Hl,Vl
  58 f3 vaddss Wx,Hx,Vx
  58 f2 vaddsd Wx,Hx,Vx
  59 np vmulps Wl,Hl,Vl
  59 66 vmulpd Wl,Hl,Vl
  59 f3 vmulss Wx,Hx,Vx
  59 f2 vmulsd Wx,Hx,Vx
  5a np vcvtps2pd Wx,Vl
  5a 66 l0 vcvtpd2psx M,Vx
  5a 66 l vcvtpd2psy Wt,Vx
  5a 66 l0 vcvtpd2ps Ux,Vx
  5a f3 vcvtss2sd Wx,Hx,Vx
  5a f2 vcvtsd2ss Wx,Hx,Vx
  5b np vcvtdq2ps Wl,Vl
  5b 66 vcvtps2dq Wl,Vl
  5b f3 vcvttps2dq Wl,Vl
  5c np vsubps Wl,Hl,Vl
  5c 66 vsubpd Wl,Hl,Vl
  5c f3 vsubss Wx,Hx,Vx
  5c f2 vsubsd Wx,Hx,Vx
  5d np vminps Wl,Hl,Vl
  5d 66 vminpd Wl,Hl,Vl
  5d f3 vminss Wx,Hx,Vx
  5d f2 vminsd Wx,Hx,Vx
  5e np vdivps Wl,Hl,Vl
  5e 66 vdivpd Wl,Hl,Vl
  5e f3 vdivss Wx,Hx,Vx
  5e f2 vdivsd Wx,Hx,Vx
  5f np vmaxps Wl,Hl,Vl
  5f 66 vmaxpd Wl,Hl,Vl
  5f f3 vmaxss Wx,Hx,Vx
  5f f2 vmaxsd Wx,Hx,Vx
  60 66 vpunpcklbw Wl,Hl,Vl
  61 66 vpunpcklwd Wl,Hl,Vl
  62 66 vpunpckldq Wl,Hl,Vl
  63 66 vpacksswb Wl,Hl,Vl
  64 66 vpcmpgtb Wl,Hl,Vl
  65 66 vpcmpgtw Wl,Hl,Vl
  66 66 vpcmpgtd Wl,Hl,Vl
  67 66 vpackuswb Wl,Hl,Vl
  68 66 vpunpckhbw Wl,Hl,Vl
  69 66 vpunpckhwd Wl,Hl,Vl
  6a 66 vpunpckhdq Wl,Hl,Vl
  6b 66 vpackssdw Wl,Hl,Vl
  6c 66 vpunpcklqdq Wl,Hl,Vl
  6d 66 vpunpckhqdq Wl,Hl,Vl
  6e 66 l0 w0 vmovd Ed,Vx
  6e 66 l0 w m64 vmovq Eq,Vx
  6e 66 l0 w m32 vmovd Ed,Vx
  6f 66 vmovdqa Wl,Vl
  6f f3 vmovdqu Wl,Vl
  70 66 vpshufd Ib,Wl,Vl
  70 f3 vpshufhw Ib,Wl,Vl
  70 f2 vpshuflw Ib,Wl,Vl
  71 66 /2 vpsrlw Ib,Ul,Hl
  71 66 /4 vpsraw Ib,Ul,Hl
  71 66 /6 vpsllw Ib,Ul,Hl
  72 66 /2 vpsrld Ib,Ul,Hl
  72 66 /4 vpsrad Ib,Ul,Hl
  72 66 /6 vpslld Ib,Ul,Hl
  73 66 /2 vpsrlq Ib,Ul,Hl
  73 66 /6 vpsllq Ib,Ul,Hl
  73 66 /3 vpsrldq Ib,Ul,Hl
  73 66 /7 vpslldq Ib,Ul,Hl
  74 66 vpcmpeqb Wl,Hl,Vl
  75 66 vpcmpeqw Wl,Hl,Vl
  76 66 vpcmpeqd Wl,Hl,Vl
  77 np l0 vzeroupper
  77 np l vzeroall
  7c 66 vhaddpd Wl,Hl,Vl
  7c f2 vhaddps Wl,Hl,Vl
  7d 66 vhsubpd Wl,Hl,Vl
  7d f2 vhsubps Wl,Hl,Vl
  7e 66 l0 w0 vmovd Vx,Ed
  7e 66 l0 w m64 vmovq Vx,Eq
  7e 66 l0 w m32 vmovd Vx,Ed
  7e f3 l0 vmovq Wx,Vx
  7f 66 vmovdqa Vl,Wl
  7f f3 vmovdqu Vl,Wl
  90 np l0 w0 kmovw Km,Kg
  90 66 l0 w0 kmovb Km,Kg
  91 np l0 w0 kmovw Kg,M
  91 66 l0 w0 kmovb Kg,M
  92 np l0 kmovw Rd,Kg
  92 66 l0 kmovb Rd,Kg
  93 np l0 kmovw Kr,Gd
  93 66 l0 kmovb Kr,Gd
  98 np l0 w0 kortestw Kr,Kg
  98 66 l0 w0 kortestb Kr,Kg
  ae np l0 /2 vldmxcsr M
  ae np l0 /3 vstmxcsr M
  c2 np vcmp*ps Wl,Hl,Vl
  c2 66 vcmp*pd Wl,Hl,Vl
  c2 f3 vcmp*ss Wx,Hx,Vx
  c2 f2 vcmp*sd Wx,Hx,Vx
  c4 66 l0 vpinsrw Ib,Ed,Hx,Vx
  c5 66 l0 vpextrw Ib,Ux,Gd
  c6 np vshufps Ib,Wl,Hl,Vl
  c6 66 vshufpd Ib,Wl,Hl,Vl
  d0 66 vaddsubpd Wl,Hl,Vl
  d0 f2 vaddsubps Wl,Hl,Vl
  d1 66 vpsrlw Wx,Hl,Vl
  d2 66 vpsrld Wx,Hl,Vl
  d3 66 vpsrlq Wx,Hl,Vl
  d4 66 vpaddq Wl,Hl,Vl
  d5 66 vpmullw Wl,Hl,Vl
  d6 66 l0 vmovq Vx,Wx
  d7 66 vpmovmskb Ul,Gd
  d8 66 vpsubusb Wl,Hl,Vl
  d9 66 vpsubusw Wl,Hl,Vl
  da 66 vpminub Wl,Hl,Vl
  db 66 vpand Wl,Hl,Vl
  dc 66 vpaddusb Wl,Hl,Vl
  dd 66 vpaddusw Wl,Hl,Vl
  de 66 vpmaxub Wl,Hl,Vl
  df 66 vpandn Wl,Hl,Vl
  e0 66 vpavgb Wl,Hl,Vl
  e1 66 vpsraw Wx,Hl,Vl
  e2 66 vpsrad Wx,Hl,Vl
  e3 66 vpavgw Wl,Hl,Vl
  e4 66 vpmulhuw Wl,Hl,Vl
  e5 66 vpmulhw Wl,Hl,Vl
  e6 66 l0 vcvttpd2dqx M,Vx
  e6 66 l vcvttpd2dqy Wt,Vx
  e6 66 l0 vcvttpd2dq Ux,Vx
  e6 f3 vcvtdq2pd Wx,Vl
  e6 f2 l0 vcvtpd2dqx M,Vx
  e6 f2 l vcvtpd2dqy Wt,Vx
  e6 f2 l0 vcvtpd2dq Ux,Vx
  e7 66 vmovntdq Vl,M
  e8 66 vpsubsb Wl,Hl,Vl
  e9 66 vpsubsw Wl,Hl,Vl
  ea 66 vpminsw Wl,Hl,Vl
  eb 66 vpor Wl,Hl,Vl
  ec 66 vpaddsb Wl,Hl,Vl
  ed 66 vpaddsw Wl,Hl,Vl
  ee 66 vpmaxsw Wl,Hl,Vl
  ef 66 vpxor Wl,Hl,Vl
  f0 f2 vlddqu M,Vl
  f1 66 vpsllw Wx,Hl,Vl
  f2 66 vpslld Wx,Hl,Vl
  f3 66 vpsllq Wx,Hl,Vl
  f4 66 vpmuludq Wl,Hl,Vl
  f5 66 vpmaddwd Wl,Hl,Vl
  f6 66 vpsadbw Wl,Hl,Vl
  f7 66 l0 vmaskmovdqu Ux,Vx
  f8 66 vpsubb Wl,Hl,Vl
  f9 66 vpsubw Wl,Hl,Vl
  fa 66 vpsubd Wl,Hl,Vl
  fb 66 vpsubq Wl,Hl,Vl
  fc 66 vpaddb Wl,Hl,Vl
  fd 66 vpaddw Wl,Hl,Vl
  fe 66 vpaddd Wl,Hl,Vl
`);
