/** What QEMU 7.2 tells of the properties of `base`; recorded by scripts/record-cpu-expansions.ts, not to be edited by hand. */

/** Switches that are off: features and others. */
export const OFF =
  '3dnow 3dnowext 3dnowprefetch abm ace2 ace2-en acpi adx aes amd-no-ssb amd-ssbd amd-stibp amx-bf16 ' +
  'amx-int8 amx-tile apic arat arch-capabilities arch-lbr avic avx avx-vnni avx2 avx512-4fmaps ' +
  'avx512-4vnniw avx512-bf16 avx512-fp16 avx512-vp2intersect avx512-vpopcntdq avx512bitalg avx512bw ' +
  'avx512cd avx512dq avx512er avx512f avx512ifma avx512pf avx512vbmi avx512vbmi2 avx512vl avx512vnni ' +
  'bmi1 bmi2 bus-lock-detect cid cldemote clflush clflushopt clwb clzero cmov cmp-legacy cmp_legacy ' +
  'core-capability cr8legacy cx16 cx8 dca de decodeassists ds ds-cpl ds_cpl dtes64 enforce erms est ' +
  'extapic f16c ffxsr flushbyasid fma fma4 fpu fsgsbase fsrm full-width-write fxsr fxsr-opt fxsr_opt ' +
  'gfni hle host-phys-bits ht hv-apicv hv-avic hv-crash hv-emsr-bitmap hv-enforce-cpuid hv-evmcs ' +
  'hv-frequencies hv-ipi hv-passthrough hv-reenlightenment hv-relaxed hv-reset hv-runtime hv-stimer ' +
  'hv-stimer-direct hv-syndbg hv-synic hv-time hv-tlbflush hv-tlbflush-direct hv-tlbflush-ext hv-vapic ' +
  'hv-vpindex hv-xmm-input hypervisor i64 ia64 ibpb ibrs ibrs-all ibs intel-pt intel-pt-lip invpcid ' +
  'invtsc kvm-asyncpf kvm-asyncpf-int kvm-hint-dedicated kvm-mmu kvm-msi-ext-dest-id ' +
  'kvm-no-smi-migration kvm-nopiodelay kvm-poll-control kvm-pv-enforce-cpuid kvm-pv-eoi kvm-pv-ipi ' +
  'kvm-pv-sched-yield kvm-pv-tlb-flush kvm-pv-unhalt kvm-steal-time kvm_asyncpf kvm_asyncpf_int kvm_mmu ' +
  'kvm_nopiodelay kvm_poll_control kvm_pv_eoi kvm_pv_unhalt kvm_steal_time kvmclock kvmclock-stable-bit ' +
  'la57 lahf-lm lahf_lm lbrv lm lmce lwp mca mce md-clear mds-no misalignsse mmx mmxext monitor movbe ' +
  'movdir64b movdiri mpx msr mtrr nodeid-msr nodeid_msr npt nrip-save nrip_save nx osvw pae pat ' +
  'pause-filter pause_filter pbe pcid pclmuldq pclmulqdq pcommit pdcm pdpe1gb perfctr-core perfctr-nb ' +
  'perfctr_core perfctr_nb pfthreshold pge phe phe-en pks pku pmm pmm-en pmu pn pni popcnt ' +
  'pschange-mc-no pse pse36 rdctl-no rdpid rdrand rdseed rdtscp realized rsba rtm sep serialize sgx ' +
  'sgx-debug sgx-exinfo sgx-kss sgx-mode64 sgx-provisionkey sgx-tokenkey sgx1 sgx2 sgxlc sha-ni skinit ' +
  'skip-l1dfl-vmentry smap smep smx spec-ctrl split-lock-detect ss ssb-no ssbd sse sse2 sse3 sse4-1 ' +
  'sse4-2 sse4.1 sse4.2 sse4_1 sse4_2 sse4a ssse3 start-powered-off stibp svm svm-lock svm_lock ' +
  'svme-addr-chk syscall taa-no tbm tce tm tm2 topoext tsc tsc-adjust tsc-deadline tsc-scale tsc_adjust ' +
  'tsc_scale tsx-ctrl tsx-ldtrk umip v-vmsave-vmload vaes vgif virt-ssbd vmcb-clean vmcb_clean vme vmx ' +
  'vmx-activity-hlt vmx-activity-shutdown vmx-activity-wait-sipi vmx-apicv-register vmx-apicv-vid ' +
  'vmx-apicv-x2apic vmx-apicv-xapic vmx-cr3-load-noexit vmx-cr3-store-noexit vmx-cr8-load-exit ' +
  'vmx-cr8-store-exit vmx-desc-exit vmx-encls-exit vmx-entry-ia32e-mode vmx-entry-load-bndcfgs ' +
  'vmx-entry-load-efer vmx-entry-load-pat vmx-entry-load-perf-global-ctrl vmx-entry-load-pkrs ' +
  'vmx-entry-load-rtit-ctl vmx-entry-noload-debugctl vmx-ept vmx-ept-1gb vmx-ept-2mb ' +
  'vmx-ept-advanced-exitinfo vmx-ept-execonly vmx-eptad vmx-eptp-switching vmx-exit-ack-intr ' +
  'vmx-exit-clear-bndcfgs vmx-exit-clear-rtit-ctl vmx-exit-load-efer vmx-exit-load-pat ' +
  'vmx-exit-load-perf-global-ctrl vmx-exit-load-pkrs vmx-exit-nosave-debugctl vmx-exit-save-efer ' +
  'vmx-exit-save-pat vmx-exit-save-preemption-timer vmx-flexpriority vmx-hlt-exit vmx-ins-outs ' +
  'vmx-intr-exit vmx-invept vmx-invept-all-context vmx-invept-single-context ' +
  'vmx-invept-single-context-noglobals vmx-invlpg-exit vmx-invpcid-exit vmx-invvpid ' +
  'vmx-invvpid-all-context vmx-invvpid-single-addr vmx-io-bitmap vmx-io-exit vmx-monitor-exit ' +
  'vmx-movdr-exit vmx-msr-bitmap vmx-mtf vmx-mwait-exit vmx-nmi-exit vmx-page-walk-4 vmx-page-walk-5 ' +
  'vmx-pause-exit vmx-ple vmx-pml vmx-posted-intr vmx-preemption-timer vmx-rdpmc-exit vmx-rdrand-exit ' +
  'vmx-rdseed-exit vmx-rdtsc-exit vmx-rdtscp-exit vmx-secondary-ctls vmx-shadow-vmcs vmx-store-lma ' +
  'vmx-true-ctls vmx-tsc-offset vmx-tsc-scaling vmx-unrestricted-guest vmx-vintr-pending vmx-vmfunc ' +
  'vmx-vmwrite-vmexit-fields vmx-vnmi vmx-vnmi-pending vmx-vpid vmx-wbinvd-exit vmx-xsaves ' +
  'vmx-zero-len-inject vpclmulqdq waitpkg wbnoinvd wdt x-force-features x-hv-synic-kvm-only x2apic ' +
  'xcrypt xcrypt-en xd xfd xgetbv1 xop xsave xsavec xsaveerptr xsaveopt xsaves xstore xstore-en xtpr';

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
