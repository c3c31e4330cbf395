def log = new File(basedir, 'build.log').text
for (line in ['Techniques', 'FULL', 'PARA', 'HW', 'This machine', 'operating system: Linux', 'vm.max_map_count: ']) {
    assert log.contains(line)
}
