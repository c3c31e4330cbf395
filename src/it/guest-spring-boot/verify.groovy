def report = javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder()
        .parse(new File(basedir, 'target/surefire-reports/TEST-example.ApplicationTest.xml'))
def xpath = javax.xml.xpath.XPathFactory.newInstance().newXPath()
def at = { path -> xpath.evaluate('/testsuite' + path, report) }

assert at('/@tests') == '1'
assert at('/@failures') == '0' && at('/@errors') == '0' && at('/@skipped') == '0'
assert at('/testcase/system-out').contains('answered by Linux version 6.')
