package dev.runinvm.engine.para;

import dev.runinvm.engine.x86.Cpu;

/** event_channel_op(command, argument). */
final class EventOps {
    private static final int BIND_VIRQ = 1;
    private static final int CLOSE = 3;
    private static final int SEND = 4;
    private static final int STATUS = 5;
    private static final int ALLOC_UNBOUND = 6;
    private static final int BIND_IPI = 7;
    private static final int BIND_VCPU = 8;
    private static final int UNMASK = 9;
    private static final int RESET = 10;

    private final EventChannels channels;

    EventOps(EventChannels channels) {
        this.channels = channels;
    }

    void register(Hypercalls calls) {
        calls.register(Hypercalls.EVENT_CHANNEL_OP, "event_channel_op", this::eventChannelOp);
    }

    private static int port(Cpu cpu, long at) {
        return (int) cpu.mmu.read32(at);
    }

    private long eventChannelOp(Cpu cpu, long[] a) {
        long at = a[1];
        switch ((int) a[0]) {
            case SEND -> channels.send(port(cpu, at));
            case UNMASK -> channels.unmask(port(cpu, at));
            case BIND_VIRQ -> {
                cpu.mmu.probe(at, 12, true);
                int bound = channels.bindVirq((int) cpu.mmu.read32(at), (int) cpu.mmu.read32(at + 4));
                cpu.mmu.write32(at + 8, bound);
            }
            case BIND_IPI -> {
                cpu.mmu.probe(at, 8, true);
                cpu.mmu.write32(at + 4, channels.bindIpi((int) cpu.mmu.read32(at)));
            }
            case BIND_VCPU -> channels.bindVcpu(port(cpu, at), (int) cpu.mmu.read32(at + 4));
            case CLOSE -> channels.close(port(cpu, at));
            case ALLOC_UNBOUND -> {
                cpu.mmu.probe(at, 8, true);
                int port = channels.allocateUnbound((int) cpu.mmu.read16(at), (int) cpu.mmu.read16(at + 2));
                cpu.mmu.write32(at + 4, port);
            }
            case STATUS -> status(cpu, at);
            case RESET -> channels.reset();
            default -> throw XenError.notImplemented(); // no FIFO, no physical interrupts, no other domains
        }
        return 0;
    }

    /** {dom, port, status, vcpu, union}. */
    private void status(Cpu cpu, long at) {
        cpu.mmu.probe(at, 24, true);
        int port = (int) cpu.mmu.read32(at + 4);
        int status = channels.status(port);
        cpu.mmu.write32(at + 8, status);
        cpu.mmu.write32(at + 12, 0);
        cpu.mmu.write32(at + 16, status == 4 ? channels.virq(port) : 0);
        cpu.mmu.write32(at + 20, 0);
    }
}
