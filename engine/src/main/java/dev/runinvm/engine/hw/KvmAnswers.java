package dev.runinvm.engine.hw;

import dev.runinvm.engine.os.kvm.Kvm;
import dev.runinvm.engine.os.kvm.KvmException;
import dev.runinvm.engine.os.kvm.KvmExtension;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a KVM says of itself.
 *
 * @param apiVersion of the interface
 * @param missing extensions we need and it lacks
 * @param cpus most processors of a guest
 * @param refusal why it makes no machine, if it does not
 */
record KvmAnswers(int apiVersion, List<KvmExtension> missing, int cpus, Optional<KvmException> refusal) {
    private static final List<KvmExtension> NEEDED = List.of(
            KvmExtension.USER_MEMORY,
            KvmExtension.SET_TSS_ADDR,
            KvmExtension.SET_IDENTITY_MAP_ADDR,
            KvmExtension.EXT_CPUID,
            KvmExtension.IRQCHIP,
            KvmExtension.PIT2,
            KvmExtension.REINJECT_CONTROL,
            KvmExtension.MP_STATE,
            KvmExtension.GET_TSC_KHZ,
            KvmExtension.PIT_STATE2,
            KvmExtension.ADJUST_CLOCK,
            KvmExtension.VCPU_EVENTS,
            KvmExtension.DEBUGREGS,
            KvmExtension.XSAVE,
            KvmExtension.IMMEDIATE_EXIT);

    /**
     * Asks a device, and makes and ends a machine.
     *
     * @throws KvmException if the device cannot be opened
     */
    static KvmAnswers ask(Path device) {
        try (Kvm kvm = Kvm.open(device)) {
            int version = kvm.apiVersion();
            if (version != Kvm.API_VERSION) {
                return new KvmAnswers(version, List.of(), 0, Optional.empty());
            }
            List<KvmExtension> missing = new ArrayList<>();
            for (KvmExtension extension : NEEDED) {
                if (kvm.extension(extension) == 0) {
                    missing.add(extension);
                }
            }
            return new KvmAnswers(version, missing, kvm.extension(KvmExtension.MAX_VCPUS), refusal(kvm));
        }
    }

    private static Optional<KvmException> refusal(Kvm kvm) {
        try {
            kvm.createVm().close();
            return Optional.empty();
        } catch (KvmException e) {
            return Optional.of(e);
        }
    }
}
