def log = new File(basedir, 'build.log').text
for (property in ['vm.technique', 'vm.command', 'vm.memory', 'vm.kernel', 'vm.skip', 'vm.snapshots', 'vm.snapshot', 'vm.verbose']) {
    assert log.contains(property)
}
for (goal in ['vm:prepare', 'vm:snapshots', 'vm:snapshots-clear', 'vm:integration-test', 'vm:verify', 'vm:shell', 'vm:doctor', 'vm:report']) {
    assert log.contains(goal)
}
