/** Instructions with an EVEX prefix that names the map 0F 38. Spec: Intel SDM vol. 2 §5. The text is explained in `table.ts` and `evex.ts`. */
import { OpcodeMap } from './table.ts';

export const EVEX_MAP_0F38 = new OpcodeMap(`
  0c 66 w0 l2 n64 vpermilps Wl,Hl,Vl
  0d 66 w l2 n64 vpermilpd Wl,Hl,Vl
  11 f3 w0 l2 k n16 zr vpmovusdb Vl,Wx
  12 f3 w0 l2 k n8 zr vpmovusqb Vl,Wx
  13 66 w0 l2 n32 vcvtph2ps Wh,Vl
  13 f3 w0 l2 k n32 zr vpmovusdw Vl,Wh
  14 f3 w0 l2 k n16 zr vpmovusqw Vl,Wx
  15 f3 w0 l2 k n32 zr vpmovusqd Vl,Wh
  16 66 w0 l2 n64 vpermps Wl,Hl,Vl
  16 66 w l2 n64 vpermpd Wl,Hl,Vl
  18 66 w0 k n4 z vbroadcastss Wx,Vl
  18 66 w l01 n4 vbroadcastss Wx,Vx
  19 66 w l12 k n8 z vbroadcastsd Wx,Vl
  1e 66 w0 l2 b4 k n64 z vpabsd Wl,Vl
  1f 66 w l2 b8 k n64 z vpabsq Wl,Vl
  21 66 w0 l2 k n16 z tk vpmovsxbd Wx,Vl
  21 f3 w0 l2 k n16 zr vpmovsdb Vl,Wx
  22 66 w0 l2 k n8 z tk vpmovsxbq Wx,Vl
  22 f3 w0 l2 k n8 zr vpmovsqb Vl,Wx
  23 66 w0 l2 k n32 z tk vpmovsxwd Wh,Vl
  23 f3 w0 l2 k n32 zr vpmovsdw Vl,Wh
  24 66 w0 l2 k n16 z tk vpmovsxwq Wx,Vl
  24 f3 w0 l2 k n16 zr vpmovsqw Vl,Wx
  25 66 w0 l2 k n32 z tk vpmovsxdq Wh,Vl
  25 f3 w0 l2 k n32 zr vpmovsqd Vl,Wh
  27 66 w0 l2 n64 vptestmd Wl,Hl,Kg
  27 66 w l2 n64 vptestmq Wl,Hl,Kg
  27 f3 w0 l2 n64 vptestnmd Wl,Hl,Kg
  27 f3 w l2 n64 vptestnmq Wl,Hl,Kg
  28 66 w l2 b8 k n64 z vpmuldq Wl,Hl,Vl
  28 f3 w0 l0 vpmovm2b Kg,Ul
  28 f3 w l01 vpmovm2w Kg,Ul
  29 66 w l2 b8 k n64 vpcmpeqq Wl,Hl,Kg
  2a 66 w0 nf vmovntdqa M,Vl
  2a 66 w l01 n16 vmovntdqa M,Vx
  2a f3 w vpbroadcastmb2q Kr,Vl
  31 66 w0 l2 k n16 z tk vpmovzxbd Wx,Vl
  31 f3 w0 l2 k n16 zr vpmovdb Vl,Wx
  32 66 w0 l2 k n8 z tk vpmovzxbq Wx,Vl
  32 f3 w0 l2 k n8 zr vpmovqb Vl,Wx
  33 66 w0 l2 k n32 z tk vpmovzxwd Wh,Vl
  33 f3 w0 l2 k n32 zr vpmovdw Vl,Wh
  34 66 w0 l2 k n16 z tk vpmovzxwq Wx,Vl
  34 f3 w0 l2 k n16 zr vpmovqw Vl,Wx
  35 66 w0 l2 k n32 z tk vpmovzxdq Wh,Vl
  35 f3 w0 l2 k n32 zr vpmovqd Vl,Wh
  36 66 w0 l2 n64 vpermd Wl,Hl,Vl
  36 66 w l2 n64 vpermq Wl,Hl,Vl
  37 66 w l2 b8 k n64 vpcmpgtq Wl,Hl,Kg
  38 66 w0 k nf z vpminsb Wl,Hl,Vl
  38 66 w l01 n16 vpminsb Wx,Hx,Vx
  38 f3 w0 l12 vpmovm2d Kg,Ul
  38 f3 w l2 vpmovm2q Kg,Ul
  39 66 w0 b4 k nf z vpminsd Wl,Hl,Vl
  39 66 w b8 k nf z vpminsq Wl,Hl,Vl
  3a 66 w0 k nf z vpminuw Wl,Hl,Vl
  3a 66 w l01 n16 vpminuw Wx,Hx,Vx
  3a f3 w0 vpbroadcastmw2d Kr,Vl
  3a f3 w l01 vpbroadcastmw2d Kr,Vx
  3b 66 w0 b4 k nf z vpminud Wl,Hl,Vl
  3b 66 w b8 k nf z vpminuq Wl,Hl,Vl
  3c 66 w0 k nf z vpmaxsb Wl,Hl,Vl
  3c 66 w l01 n16 vpmaxsb Wx,Hx,Vx
  3d 66 w0 b4 k nf z vpmaxsd Wl,Hl,Vl
  3d 66 w b8 k nf z vpmaxsq Wl,Hl,Vl
  3e 66 w0 k nf z vpmaxuw Wl,Hl,Vl
  3e 66 w l01 n16 vpmaxuw Wx,Hx,Vx
  3f 66 w0 b4 k nf z vpmaxud Wl,Hl,Vl
  3f 66 w b8 k nf z vpmaxuq Wl,Hl,Vl
  40 66 w0 b4 k nf z vpmulld Wl,Hl,Vl
  40 66 w b8 k nf z vpmullq Wl,Hl,Vl
  44 66 w0 l2 b4 k n64 z vplzcntd Wl,Vl
  44 66 w l2 b8 k n64 z vplzcntq Wl,Vl
  45 66 w0 l2 k n16 z t vpsrlvd Wl,Hl,Vl
  45 66 w l2 k n16 z t vpsrlvq Wl,Hl,Vl
  46 66 w0 l2 k n16 z t vpsravd Wl,Hl,Vl
  46 66 w l2 k n16 z t vpsravq Wl,Hl,Vl
  47 66 w0 l2 k n16 z t vpsllvd Wl,Hl,Vl
  47 66 w l2 k n16 z t vpsllvq Wl,Hl,Vl
  4c 66 w0 b4 k nf z vrcp14ps Wl,Vl
  4c 66 w b8 k nf z vrcp14pd Wl,Vl
  4d 66 w0 l0 n4 vrcp14ss Wl,Hl,Vl
  4d 66 w l0 n8 vrcp14sd Wl,Hl,Vl
  4d 66 w l n4 vrcp14ss Wx,Hx,Vx
  4e 66 w0 b4 k nf z vrsqrt14ps Wl,Vl
  4e 66 w b8 k nf z vrsqrt14pd Wl,Vl
  4f 66 w0 l0 n4 vrsqrt14ss Wl,Hl,Vl
  4f 66 w l0 n8 vrsqrt14sd Wl,Hl,Vl
  4f 66 w l n4 vrsqrt14ss Wx,Hx,Vx
  58 66 w0 l2 n4 z vpbroadcastd Wx,Vl
  59 66 w l2 n8 z vpbroadcastq Wx,Vl
  5a 66 w0 l2 n16 z vbroadcasti32x4 M,Vl
  5b 66 w l2 n32 z vbroadcasti64x4 M,Vl
  64 66 w0 b4 k nf z vpblendmd Wl,Hl,Vl
  64 66 w b8 k nf z vpblendmq Wl,Hl,Vl
  65 66 w0 b4 k nf z vblendmps Wl,Hl,Vl
  65 66 w b8 k nf z vblendmpd Wl,Hl,Vl
  66 66 w0 k nf z vpblendmb Wl,Hl,Vl
  66 66 w k nf z vpblendmw Wl,Hl,Vl
  76 66 w0 l2 k n64 z tz vpermi2d Wl,Hl,Vl
  76 66 w l2 k n64 z tz vpermi2q Wl,Hl,Vl
  77 66 w0 l2 k n64 z tz vpermi2ps Wl,Hl,Vl
  77 66 w l2 k n64 z tz vpermi2pd Wl,Hl,Vl
  7a 66 w0 k z vpbroadcastb Rd,Vl
  7a 66 w l01 vpbroadcastb Rd,Vx
  7b 66 w0 k z vpbroadcastw Rd,Vl
  7b 66 w l01 vpbroadcastw Rd,Vx
  7c 66 w0 k z vpbroadcastd Rd,Vl
  7c 66 w k z vpbroadcastq Rq,Vl
  7e 66 w0 l2 k n64 z tz vpermt2d Wl,Hl,Vl
  7e 66 w l2 k n64 z tz vpermt2q Wl,Hl,Vl
  7f 66 w0 l2 k n64 z tz vpermt2ps Wl,Hl,Vl
  7f 66 w l2 k n64 z tz vpermt2pd Wl,Hl,Vl
  88 66 w0 k kk n4 z tk vexpandps Wl,Vl
  88 66 w k kk n8 z tk vexpandpd Wl,Vl
  89 66 w0 k kk n4 z tk vpexpandd Wl,Vl
  89 66 w k kk n8 z tk vpexpandq Wl,Vl
  8a 66 w0 k kk n4 zr tk vcompressps Vl,Wl
  8a 66 w k kk n8 zr tk vcompresspd Vl,Wl
  8b 66 w0 k kk n4 zr tk vpcompressd Vl,Wl
  8b 66 w k kk n8 zr tk vpcompressq Vl,Wl
  90 66 w0 l2 kk n4 vpgatherdd Mv,Vl
  90 66 w l2 kk n8 vpgatherdq Mv,Vl
  91 66 w0 l2 kk n4 vpgatherqd Mv,Vh
  91 66 w l2 kk n8 vpgatherqq Mv,Vl
  92 66 w0 l2 kk n4 vgatherdps Mv,Vl
  92 66 w l2 kk n8 vgatherdpd Mv,Vl
  93 66 w0 l2 kk n4 vgatherqps Mv,Vh
  93 66 w l2 kk n8 vgatherqpd Mv,Vl
  96 66 w0 b4 nf vfmaddsub132ps M,Hl,Vl
  96 66 w b8s nf vfmaddsub132pd M,Hl,Vl
  97 66 w0 b4 nf vfmsubadd132ps M,Hl,Vl
  97 66 w b8s nf vfmsubadd132pd M,Hl,Vl
  98 66 w0 b4 nf vfmadd132ps M,Hl,Vl
  98 66 w b8s nf vfmadd132pd M,Hl,Vl
  9a 66 w0 b4 nf vfmsub132ps M,Hl,Vl
  9a 66 w b8s nf vfmsub132pd M,Hl,Vl
  9c 66 w0 b4 nf vfnmadd132ps M,Hl,Vl
  9c 66 w b8s nf vfnmadd132pd M,Hl,Vl
  9e 66 w0 b4 nf vfnmsub132ps M,Hl,Vl
  9e 66 w b8s nf vfnmsub132pd M,Hl,Vl
  a0 66 w0 l2 kk n4 vpscatterdd Vl,M
  a0 66 w l2 kk n8 vpscatterdq Vl,M
  a1 66 w0 l2 kk n4 vpscatterqd Vh,M
  a1 66 w l2 kk n8 vpscatterqq Vl,M
  a2 66 w0 l2 kk n4 vscatterdps Vl,M
  a2 66 w l2 kk n8 vscatterdpd Vl,M
  a3 66 w0 l2 kk n4 vscatterqps Vh,M
  a3 66 w l2 kk n8 vscatterqpd Vl,M
  a6 66 w0 b4 er0 k nf z vfmaddsub213ps Wl,Hl,Vl
  a6 66 w b8 er0 k nf z vfmaddsub213pd Wl,Hl,Vl
  a7 66 w0 b4 er0 k nf z vfmsubadd213ps Wl,Hl,Vl
  a7 66 w b8 er0 k nf z vfmsubadd213pd Wl,Hl,Vl
  a8 66 w0 b4 er0 k nf z vfmadd213ps Wl,Hl,Vl
  a8 66 w b8 er0 k nf z vfmadd213pd Wl,Hl,Vl
  a9 66 w0 l0 n4 vfmadd213ss Wl,Hl,Vl
  a9 66 w l0 n8 vfmadd213sd Wl,Hl,Vl
  a9 66 w l n4 vfmadd213ss Wx,Hx,Vx
  aa 66 w0 b4 er0 k nf z vfmsub213ps Wl,Hl,Vl
  aa 66 w b8 er0 k nf z vfmsub213pd Wl,Hl,Vl
  ab 66 w0 l0 n4 vfmsub213ss Wl,Hl,Vl
  ab 66 w l0 n8 vfmsub213sd Wl,Hl,Vl
  ab 66 w l n4 vfmsub213ss Wx,Hx,Vx
  ac 66 w0 b4 er0 k nf z vfnmadd213ps Wl,Hl,Vl
  ac 66 w b8 er0 k nf z vfnmadd213pd Wl,Hl,Vl
  ad 66 w0 l0 n4 vfnmadd213ss Wl,Hl,Vl
  ad 66 w l0 n8 vfnmadd213sd Wl,Hl,Vl
  ad 66 w l n4 vfnmadd213ss Wx,Hx,Vx
  ae 66 w0 b4 er0 k nf z vfnmsub213ps Wl,Hl,Vl
  ae 66 w b8 er0 k nf z vfnmsub213pd Wl,Hl,Vl
  af 66 w0 l0 n4 vfnmsub213ss Wl,Hl,Vl
  af 66 w l0 n8 vfnmsub213sd Wl,Hl,Vl
  af 66 w l n4 vfnmsub213ss Wx,Hx,Vx
  b6 66 w0 b4 k nf z vfmaddsub231ps Wl,Hl,Vl
  b6 66 w b8 k nf z vfmaddsub231pd Wl,Hl,Vl
  b7 66 w0 b4 k nf z vfmsubadd231ps Wl,Hl,Vl
  b7 66 w b8 k nf z vfmsubadd231pd Wl,Hl,Vl
  b8 66 w0 b4 k nf z vfmadd231ps Wl,Hl,Vl
  b8 66 w b8 k nf z vfmadd231pd Wl,Hl,Vl
  ba 66 w0 b4 k nf z vfmsub231ps Wl,Hl,Vl
  ba 66 w b8 k nf z vfmsub231pd Wl,Hl,Vl
  bc 66 w0 b4 k nf z vfnmadd231ps Wl,Hl,Vl
  bc 66 w b8 k nf z vfnmadd231pd Wl,Hl,Vl
  be 66 w0 b4 k nf z vfnmsub231ps Wl,Hl,Vl
  be 66 w b8 k nf z vfnmsub231pd Wl,Hl,Vl
  c4 66 w0 l2 b4 k n64 z vpconflictd Wl,Vl
  c4 66 w l2 b8 k n64 z vpconflictq Wl,Vl
  c6 66 w0 l2 /1 kk n4 vgatherpf0dps M
  c6 66 w l2 /1 kk n4 vgatherpf0dpd M
  c6 66 w0 l2 /2 kk n4 vgatherpf1dps M
  c6 66 w l2 /2 kk n4 vgatherpf1dpd M
  c6 66 w0 l2 /5 kk n4 vscatterpf0dps M
  c6 66 w l2 /5 kk n4 vscatterpf0dpd M
  c6 66 w0 l2 /6 kk n4 vscatterpf1dps M
  c6 66 w l2 /6 kk n4 vscatterpf1dpd M
  c7 66 w0 l2 /1 kk n8 vgatherpf0qps M
  c7 66 w l2 /1 kk n8 vgatherpf0qpd M
  c7 66 w0 l2 /2 kk n8 vgatherpf1qps M
  c7 66 w l2 /2 kk n8 vgatherpf1qpd M
  c7 66 w0 l2 /5 kk n8 vscatterpf0qps M
  c7 66 w l2 /5 kk n8 vscatterpf0qpd M
  c7 66 w0 l2 /6 kk n8 vscatterpf1qps M
  c7 66 w l2 /6 kk n8 vscatterpf1qpd M
  c8 66 w0 l2 k n64 z saed vexp2ps Wl,Vl
  c8 66 w l2 k n64 z saed vexp2pd Wl,Vl
  ca 66 w0 l2 k n64 z saed vrcp28ps Wl,Vl
  ca 66 w l2 k n64 z saed vrcp28pd Wl,Vl
  cb 66 w0 l0 k n4 z saed vrcp28ss Wl,Hl,Vl
  cb 66 w l0 k n8 z saed vrcp28sd Wl,Hl,Vl
  cb 66 w l n4 saed vrcp28ss Wx,Hx,Vx
  cc 66 w0 l2 k n64 z saed vrsqrt28ps Wl,Vl
  cc 66 w l2 k n64 z saed vrsqrt28pd Wl,Vl
  cd 66 w0 l0 k n4 z saed vrsqrt28ss Wl,Hl,Vl
  cd 66 w l0 k n8 z saed vrsqrt28sd Wl,Hl,Vl
  cd 66 w l n4 saed vrsqrt28ss Wx,Hx,Vx
`);
