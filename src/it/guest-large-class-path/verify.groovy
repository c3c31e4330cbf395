(1..3).each { run ->
    def xml = new File(basedir, "target/surefire-reports/TEST-example.LargeClassPathTest-${run}.xml").text
    assert xml.contains('tests="2"') && xml.contains('errors="0"') && xml.contains('failures="0"') && xml.contains('skipped="0"')
}
if (technique in ['FULL', 'PARA']) {
    def last = new groovy.json.JsonSlurper().parse(
            new File(basedir, "target/last/example.LargeClassPathTest/run-${technique}.json"))
    def phases = last.phases*.name
    assert phases.contains('restore') && !phases.contains('kernel')
}
