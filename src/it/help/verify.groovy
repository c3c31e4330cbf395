def log = new File(basedir, 'build.log').text
for (property in ['vm.technique', 'vm.command', 'vm.memory', 'vm.kernel', 'vm.skip']) {
    assert log.contains(property)
}
