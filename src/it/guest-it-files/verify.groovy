def answer = new File(basedir, "target/vm/example.FilesIT-${technique.toLowerCase()}/files/answer.txt").text
assert answer.startsWith('from the project\nand from Linux version')

def report = javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder()
        .parse(new File(basedir, 'target/vm-reports/TEST-example.FilesIT.xml')).documentElement
assert report.getAttribute('tests') == '3'
assert report.getAttribute('failures') == '0' && report.getAttribute('errors') == '0'
