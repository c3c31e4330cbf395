def log = new File(basedir, 'build.log').text
assert log.contains('exit status 3')
assert log =~ /(?m)^\d+\.\d+\.\d+/
