def log = new File(basedir, 'build.log').text
for (property in ['skipTests', 'skipITs', 'maven.test.skip']) {
    assert log.count("Tests are skipped: ${property} is set.") == 2
}
assert log.count('Skipped: vm.skip is set.') == 3
for (directory in ['skipTests', 'skipITs', 'testSkip', 'vmSkip']) {
    assert !new File(basedir, "target/${directory}").exists()
}
assert log.contains('No tests to run: no class in ')
assert new File(basedir, 'target/none/vm-summary.xml').text.contains('result="254"')
assert log.contains('No tests were run (vm.failIfNoTests).')
assert log.contains('vm.techniques names "FULLER"; there are [FULL, PARA, HW]')
assert log.contains('"much" is not an amount of memory; write for example 512M or 1G')
assert log.contains('cannot read the pattern of tests to run')
assert log.contains('vm.parallelGuests is 0; it must be at least 1')
assert log.contains('vm.dependenciesToScan names no.such:thing, which is no dependency of dev.runinvm.it:it-without-guests')
assert log.contains('vm.argLine has a quote that is not closed')
assert log =~ /vm-maven-plugin:[^:]+:verify .*Tests could not be run in guests: .*no-such-kernel/
assert new File(basedir, 'target/kernel/TEST-example.SomeIT.xml').text.contains('no-such-kernel')
assert !new File(basedir, 'target/vm').exists() || !log.contains('no guest should have been started')
