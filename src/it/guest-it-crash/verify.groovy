def xpath = javax.xml.xpath.XPathFactory.newInstance().newXPath()
def at = { directory, name, path ->
    xpath.evaluate('/testsuite' + path, javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder()
            .parse(new File(basedir, "target/${directory}/TEST-example.${name}.xml")))
}
for (directory in ['parallel', 'one']) {
    assert at(directory, 'ExitsIT', '/@tests') == '3' && at(directory, 'ExitsIT', '/@errors') == '2'
    def exits = at(directory, 'ExitsIT', '/testcase[@name="exits"]/error/@message')
    assert exits.contains("(${technique}) ended while running exits()") && exits.contains('status 3')
    assert exits.contains('System.exit was called at example.ExitsIT.exits(ExitsIT.java:')
    assert exits.contains('console.log')
    assert at(directory, 'ExitsIT', '/testcase[@name="comesTooLate"]/error/@message').startsWith('it did not run: ')
    assert at(directory, 'LastIT', '/@errors') == '0' && at(directory, 'LastIT', '/@tests') == '1'
}
assert at('parallel', 'FirstIT', '/@errors') == '0'
def hangs = at('one', 'SilentIT', '/testcase[@name="hangs"]/error/@message')
assert hangs.contains('within 10.0 s while running hangs()')
assert hangs.contains('at example.SilentIT.hangs(SilentIT.java:')

def log = new File(basedir, 'build.log').text
assert log.contains('There are test failures in guests: Tests run: 5, Failures: 0, Errors: 2, Skipped: 0.')
