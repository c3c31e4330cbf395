def log = new File(basedir, 'build.log').text
def document = { name ->
    new groovy.json.JsonSlurper().parse(new File(basedir, "target/vm/${name}-${technique.toLowerCase()}/run-${technique}.json"))
}
def phases = { name -> document(name).phases*.name }

assert log.count("a ${technique} guest of 1024 MiB is being started, to be written down".toString()) == 1
assert log.count('it has booted, its agent waits') == 1
assert log.contains('it is being written down')
assert log =~ /snapshot ready after [0-9.]+ s/
assert log.contains('snapshot ready: the cache has it')

def listed = log =~ /[0-9a-f]{32} +\d+ MiB  just now +a ${technique} guest of 1024 MiB whose agent waits/
assert listed.find()
["technique: ${technique}", 'memory: 1073741824 bytes', 'engine: ', 'kernel: ', 'JDK: ', 'command line: ', 'CPU: '].each {
    assert log.contains('    ' + it)
}
assert log =~ /a ${technique} guest of 1024 MiB with \d+ jars, among them /
assert log =~ /2 snapshots, \d+ MiB, in /
assert log.contains('no snapshot\'s key begins with "no-such-key"')
assert log =~ /removed: 2 snapshots, \d+ MiB/
assert log.contains('no snapshots, in ')

// OneIT ran last when there was one with the jars; TwoIT, when it had to boot.
assert phases('example.OneIT').contains('restore') && !phases('example.OneIT').contains('kernel')
assert phases('example.TwoIT').contains('kernel') && !phases('example.TwoIT').contains('restore')
assert new File(basedir, 'target/warm/TEST-example.OneIT.xml').text.contains('errors="0"')
assert new File(basedir, 'target/cold/TEST-example.TwoIT.xml').text.contains('failures="1"')
assert new File(basedir, "target/vm/example.OneIT-${technique.toLowerCase()}/console.log").text.contains('Linux version ')
assert !new File(basedir.parentFile.parentFile, 'snapshots-cache/snapshots').list().any { it.endsWith('.draft') }
