(1..3).each { run ->
    def xml = new File(basedir, "target/surefire-reports/TEST-example.LargeClassPathTest-${run}.xml").text
    assert xml.contains('tests="2"') && xml.contains('errors="0"') && xml.contains('failures="0"') && xml.contains('skipped="0"')
}
def last = new groovy.json.JsonSlurper().parse(
    new File(basedir, "last/example.LargeClassPathTest/run-${technique ?: 'FULL'}.json".replaceFirst('^', 'target/')))
def phases = last.phases*.name
if (technique in [null, '', 'FULL']) {
    assert phases.contains('restore') && !phases.contains('kernel')
}
