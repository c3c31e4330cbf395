package dev.runinvm.bench;

import dev.runinvm.bench.guest.SampleTests;
import dev.runinvm.junit.RunInVM;

/** The same tests as a user has them run; which technique, a configuration parameter says. */
@RunInVM
class InVmTests extends SampleTests {}
