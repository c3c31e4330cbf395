def report = javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder()
        .parse(new File(basedir, 'target/surefire-reports/TEST-example.GreetingTest.xml'))
def xpath = javax.xml.xpath.XPathFactory.newInstance().newXPath()
def at = { path -> xpath.evaluate('/testsuite' + path, report) }

// Surefire has run it as a module: that is what this case is about.
assert new File(basedir, 'build.log').exists()
assert at('/@tests') == '1'
assert at('/@failures') == '0' && at('/@errors') == '0' && at('/@skipped') == '0'
assert at('/testcase/system-out').contains('in the guest: ')
