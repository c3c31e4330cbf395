def log = new File(basedir, 'build.log').text
assert log.count('Skipped: vm.skip is set.') == 2
assert !log.contains('Techniques')
