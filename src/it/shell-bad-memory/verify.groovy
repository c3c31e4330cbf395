def log = new File(basedir, 'build.log').text
assert log.contains('"lots" is not an amount of memory; write for example 512M or 1G')
assert log.contains('BUILD FAILURE')
