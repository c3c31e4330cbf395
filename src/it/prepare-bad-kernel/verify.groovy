def log = new File(basedir, 'build.log').text
assert log.contains('not-a-kernel is not a kernel: neither a bzImage nor an ELF file')
assert log.contains('BUILD FAILURE')
