def data = new groovy.json.JsonSlurper().parse(new File(basedir, 'target/vm/report/report.json'))
def page = new File(basedir, 'target/vm/report/index.html').text
def log = new File(basedir, 'build.log').text

assert data.techniques == ['FULL', 'PARA']
assert data.summaries.collect { [it.technique, it.runs, it.tests, it.passed, it.failed] } == [
    ['FULL', 1, 3, 2, 1], ['PARA', 1, 3, 3, 0]]
def difference = { kind -> data.differences.findAll { it.kind == kind }.collect { it.name } }
assert difference('OUTCOME') == ['isToldOfXen()']
assert difference('OUTPUT') == ['printsWhatItSees()']
// each run's phases are all there, and sum up
data.runs.each { run ->
    def names = run.phases.collect { it.name }
    // a guest may have booted or come from a snapshot
    def restored = 'restore' in names
    assert names.containsAll((restored ? ['restore'] : ['load', 'kernel', 'init', 'JVM']) + ['class path', 'discovery', 'tests'])
    assert run.phases.sum { it.nanos as long } == run.nanos
}
assert data.runs.find { it.technique == 'PARA' }.counters.any { it.key.startsWith('hypercalls.') && it.value > 0 }

// a page that needs nothing else, and escapes what tests print
assert page.contains('isToldOfXen()') && page.contains('hypervisor &lt;seen&gt;')
assert !(page =~ /(?:src|href)="(?:https?:)?\/\//)

// told by vm:verify, before it fails the build, and again by vm:report
assert log.contains('1 difference between FULL, PARA:')
assert log.contains('HypervisorIT \u203a isToldOfXen()')
assert log.split('Report: ').length == 3
