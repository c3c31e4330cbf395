def names = { directory ->
    new File(basedir, directory).list().findAll { it.startsWith('TEST-') } as Set
}
assert names('target/surefire-reports') == ['TEST-example.HostTest.xml'] as Set
assert names('target/failsafe-reports') == ['TEST-example.AnnotatedIT.xml'] as Set
assert names('target/vm-reports') == ['TEST-example.AnnotatedIT.xml', 'TEST-example.Plain.xml'] as Set
for (file in ['target/failsafe-reports/TEST-example.AnnotatedIT.xml', 'target/vm-reports/TEST-example.AnnotatedIT.xml']) {
    def text = new File(basedir, file).text
    assert text.contains('tests="1"') && text.contains('errors="0"') && text.contains('failures="0"')
}
