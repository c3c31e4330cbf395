package dev.runinvm.engine.os.kvm;

/**
 * What differs from machine to machine in the structures of a processor.
 *
 * @param run bytes of the memory shared with the kernel
 * @param extended bytes of the extended registers, if that is more than the structure's traditional size
 * @param extendedControl whether there are extended control registers
 */
record KvmSizes(int run, int extended, boolean extendedControl) {}
