/** What QEMU 7.2 tells of the properties of `base`; recorded by scripts/record-cpu-expansions.ts, not to be edited by hand. */

/** Those of `max`, which has all that others have, in QEMU's order; with the type of each that is no bool. */
export const PROPERTIES =
  'start-powered-off legacy-memory:str vmx-invept-single-context core-capability popcnt sgx-debug dtes64 ' +
  'vmx-invvpid-single-addr xstore min-xlevel2:uint32 stepping:int vmx-vmfunc hv-emsr-bitmap pse36 ' +
  'avx512-4vnniw x-intel-pt-auto-level fma4 avx512-vp2intersect avx2 kvm-poll-control sgxlc amd-stibp ' +
  'family:int vmware-cpuid-freq vmx-store-lma hv-spinlocks:uint32 erms vaes sgx-tokenkey ' +
  'vmx-activity-wait-sipi vmx-flexpriority hv-reset rdrand vmx-ept-advanced-exitinfo vmx-pause-exit ' +
  'vmx-shadow-vmcs avx512-vpopcntdq model:int xcrypt tbm vmx-eptad vmx-monitor-exit kvm-pv-eoi lm ' +
  'hv-version-id-spack:uint32 x-vendor-cpuid-only vmx-unrestricted-guest host-phys-bits-limit:uint8 pae ' +
  'hv-runtime ssse3 phe movdiri host-phys-bits taa-no full-width-write arat avx512vbmi2 arch-lbr ' +
  'vmx-vnmi-pending x2apic npt vmx-invpcid-exit avx512ifma model-id:string ucode-rev:uint64 hv-evmcs ' +
  'pmm-en vmx-io-exit tsc x-force-features vmx-ins-outs dca vmx-apicv-x2apic ia64 hv-stimer-direct ' +
  'perfctr-core vmx-cr3-load-noexit pmu kvmclock vmx-entry-noload-debugctl md-clear invtsc pn avx512cd ' +
  'cmp-legacy cx16 avx512dq abm vmx-activity-shutdown kvm-pv-ipi vmx-apicv-register fxsr-opt ' +
  'skip-l1dfl-vmentry fill-mtrr-mask x-migrate-smi-count pcid rdpid wbnoinvd syscall pse xsaves ' +
  'vmx-entry-load-pat vgif mce xfd node-id:int32 ibpb vmx-apicv-xapic cldemote lwp rtm hv-tlbflush ' +
  'kvm-steal-time cpuid-0xb vmx-hlt-exit vmx-desc-exit vmx-eptp-switching sgx-provisionkey ' +
  'vmx-entry-load-efer level-func7:uint32 vmx-invlpg-exit vmx-exit-save-efer die-id:int32 vme ' +
  'kvm-pv-unhalt kvm-no-smi-migration svm vmx-invvpid kvm-hint-dedicated mca vmx-tsc-scaling mtrr cid ' +
  'pfthreshold pmm lahf-lm hv-version-id-build:uint32 tcg-cpuid vmx-entry-load-pkrs vmx-entry-ia32e-mode ' +
  'x-hv-max-vps:int32 tm pbe amx-int8 sgx1 vmx-rdpmc-exit split-lock-detect apic-id:uint32 fpu skinit ' +
  'l3-cache sep intel-pt-lip hv-tlbflush-direct avx512-bf16 vmx-invept-single-context-noglobals ' +
  'vmx-rdtscp-exit nx vmx-invvpid-all-context sgx-kss pause-filter ds-cpl fsrm vmx-exit-load-efer ' +
  'vmx-vmwrite-vmexit-fields vmx-ept nodeid-msr vmx-ept-execonly smap vmx-io-bitmap vmx-preemption-timer ' +
  'vmx-invept-all-context vmx-intr-exit vmx-exit-clear-bndcfgs cr8legacy xlevel:uint32 vmx-vpid ' +
  'vmx-zero-len-inject pschange-mc-no virt-ssbd umip avx512er vmx-vintr-pending xstore-en avx512vl ibrs ' +
  'rsba cmov vmx-posted-intr xcrypt-en tm2 lbrv tsc-scale vmx-secondary-ctls xsaveerptr fsgsbase ' +
  'x-hv-synic-kvm-only avx512bw hv-version-id-minor:uint16 sse4a tsc-frequency:int smx hle monitor ' +
  'avx512-fp16 tce vpclmulqdq hv-frequencies kvm-pv-tlb-flush vmx-rdtsc-exit vmx-activity-hlt ' +
  'vmx-cr8-load-exit mds-no svme-addr-chk amd-no-ssb adx vmx-exit-load-pkrs hv-version-id-sbranch:uint8 ' +
  'crash-information:GuestPanicInformation min-level:uint32 full-cpuid-auto-level vmx-entry-load-bndcfgs ' +
  'vmx-vnmi pclmulqdq xop msr kvm-pv-enforce-cpuid ssb-no clflush xlevel2:uint32 mpx extapic vmx-mtf ' +
  'hv-enforce-cpuid hv-stimer sgx2 vmx-rdseed-exit smep xsavec vmx-mwait-exit hv-synic cx8 pku kvm ' +
  'vmx-exit-load-pat hv-passthrough vmcb-clean tsx-ldtrk hv-tlbflush-ext stibp vmx-cr3-store-noexit ' +
  'tsx-ctrl svm-lock hv-reenlightenment sgx-exinfo avic ds legacy-cache sse clzero hv-vpindex osvw pks ' +
  'vmx-ept-2mb vmx-true-ctls movdir64b vmx-invept acpi vmx-encls-exit vmx-cr8-store-exit vmx-rdrand-exit ' +
  'nrip-save gfni kvm-mmu kvm-msi-ext-dest-id serialize avx512bitalg rdseed sha-ni ace2 lmce waitpkg ' +
  'topoext f16c 3dnowprefetch avx512-4fmaps vmx-ept-1gb avx sse2 rdctl-no mmx hv-version-id-major:uint16 ' +
  'level:uint32 avx512vnni pni movbe vmx-ple mmxext lbr-fmt:uint64 bus-lock-detect vmx-apicv-vid ' +
  'vmx-page-walk-5 flushbyasid rdtscp clwb kvm-pv-sched-yield kvm-asyncpf decodeassists vmx-wbinvd-exit ' +
  'pat vmx-exit-clear-rtit-ctl invpcid pdpe1gb vmx-exit-save-pat hv-vendor-id:str tsc-adjust ' +
  'vmx-entry-load-rtit-ctl ht amx-tile xtpr hv-xmm-input vmx-tsc-offset ssbd 3dnowext clflushopt sgx ' +
  'unavailable-features:strList xsave pdcm hv-crash est vendor:string pge pcommit ibs tsc-deadline ' +
  'kvmclock-stable-bit misalignsse vmx-msr-bitmap check hv-time hv-avic perfctr-nb phys-bits:uint32 apic ' +
  'vmx-exit-save-preemption-timer vmx-exit-ack-intr sgx-mode64 avx512vbmi thread-id:int32 ' +
  'min-xlevel:uint32 socket-id:int32 vmx-exit-nosave-debugctl avx512f vmx-xsaves arch-capabilities bmi2 ' +
  'vmx-exit-load-perf-global-ctrl vmx-pml vmx-page-walk-4 vmx-nmi-exit intel-pt wdt kvm-nopiodelay ' +
  'ace2-en v-vmsave-vmload avx512pf bmi1 enforce sse4.2 hv-syndbg ibrs-all xgetbv1 spec-ctrl 3dnow ' +
  'kvm-asyncpf-int vmx la57 hv-no-nonarch-coresharing:OnOffAuto amx-bf16 sse4.1 xsaveopt hv-relaxed ' +
  'hv-version-id-snumber:uint32 vmx-entry-load-perf-global-ctrl avx-vnni fxsr phe-en hv-vapic hv-ipi ' +
  'hypervisor aes amd-ssbd core-id:int32 de ss vmx-movdr-exit fma host-cache-info migratable lahf_lm ' +
  'tsc_adjust svm_lock vmcb_clean nrip_save lbr_fmt:uint64 pclmuldq ffxsr sse4-2 kvm_asyncpf_int ' +
  'cmp_legacy kvm_nopiodelay perfctr_core kvm_pv_unhalt ds_cpl sse4-1 perfctr_nb sse3 tsc_scale ' +
  'pause_filter kvm_asyncpf kvm_steal_time feature-words:X86CPUFeatureWordInfo kvm_mmu ' +
  'filtered-features:X86CPUFeatureWordInfo sse4_2 kvm_poll_control fxsr_opt nodeid_msr kvm_pv_eoi i64 ' +
  'hv-apicv xd sse4_1';

/** Switches that are on; the others are off. */
export const ON =
  'check cpuid-0xb fill-mtrr-mask full-cpuid-auto-level kvm l3-cache legacy-cache tcg-cpuid ' +
  'vmware-cpuid-freq x-intel-pt-auto-level x-migrate-smi-count x-vendor-cpuid-only';

/** Numbers and texts. */
export const VALUES: Readonly<Record<string, number | bigint | string>> = {
  'apic-id': 4294967295,
  'core-id': -1,
  'die-id': -1,
  family: 0,
  'host-phys-bits-limit': 0,
  'hv-no-nonarch-coresharing': 'off',
  'hv-spinlocks': 4294967295,
  'hv-vendor-id': '',
  'hv-version-id-build': 14393,
  'hv-version-id-major': 10,
  'hv-version-id-minor': 0,
  'hv-version-id-sbranch': 0,
  'hv-version-id-snumber': 0,
  'hv-version-id-spack': 0,
  'lbr-fmt': 0xffff_ffff_ffff_ffffn,
  lbr_fmt: 0xffff_ffff_ffff_ffffn,
  level: 0,
  'level-func7': 0,
  'min-level': 0,
  'min-xlevel': 0,
  'min-xlevel2': 0,
  model: 0,
  'model-id': '',
  'node-id': -1,
  'phys-bits': 0,
  'socket-id': -1,
  stepping: 0,
  'thread-id': -1,
  'tsc-frequency': 0,
  'ucode-rev': 0,
  vendor: '',
  'x-hv-max-vps': -1,
  xlevel: 0,
  xlevel2: 0,
};

/** Properties that are no part of the static expansion. */
export const FULL_ONLY =
  'apic-id check cmp_legacy core-id cpuid-0xb die-id ds_cpl enforce ffxsr fill-mtrr-mask ' +
  'full-cpuid-auto-level fxsr_opt host-phys-bits host-phys-bits-limit hv-apicv hv-avic hv-crash ' +
  'hv-emsr-bitmap hv-enforce-cpuid hv-evmcs hv-frequencies hv-ipi hv-no-nonarch-coresharing ' +
  'hv-passthrough hv-reenlightenment hv-relaxed hv-reset hv-runtime hv-spinlocks hv-stimer ' +
  'hv-stimer-direct hv-syndbg hv-synic hv-time hv-tlbflush hv-tlbflush-direct hv-tlbflush-ext hv-vapic ' +
  'hv-vendor-id hv-version-id-build hv-version-id-major hv-version-id-minor hv-version-id-sbranch ' +
  'hv-version-id-snumber hv-version-id-spack hv-vpindex hv-xmm-input i64 kvm kvm-no-smi-migration ' +
  'kvm-pv-enforce-cpuid kvm_asyncpf kvm_asyncpf_int kvm_mmu kvm_nopiodelay kvm_poll_control kvm_pv_eoi ' +
  'kvm_pv_unhalt kvm_steal_time l3-cache lahf_lm lbr-fmt lbr_fmt legacy-cache level level-func7 ' +
  'min-xlevel2 node-id nodeid_msr nrip_save pause_filter pclmuldq perfctr_core perfctr_nb phys-bits pmu ' +
  'realized socket-id sse3 sse4-1 sse4-2 sse4_1 sse4_2 start-powered-off svm_lock tcg-cpuid thread-id ' +
  'tsc-frequency tsc_adjust tsc_scale ucode-rev vmcb_clean vmware-cpuid-freq x-force-features ' +
  'x-hv-max-vps x-hv-synic-kvm-only x-intel-pt-auto-level x-migrate-smi-count x-vendor-cpuid-only xd ' +
  'xlevel xlevel2';
