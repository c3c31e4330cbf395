package dev.runinvm.bench;

import dev.runinvm.bench.guest.TrivialTests;
import dev.runinvm.junit.RunInVM;

/** The same tests in a guest; which technique, a configuration parameter says. */
@RunInVM
class InVmTrivialTests extends TrivialTests {}
