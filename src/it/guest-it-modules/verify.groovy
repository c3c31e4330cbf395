def suite = { path ->
    javax.xml.parsers.DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new File(basedir, path)).documentElement
}
def counts = { path ->
    def e = suite(path)
    ['tests', 'errors', 'failures', 'skipped'].collect { e.getAttribute(it) as int }
}
assert counts('library/target/vm-reports/TEST-example.LibraryIT.xml') == [1, 0, 0, 0]
assert counts('user/target/vm-reports/TEST-example.LibraryIT.xml') == [1, 0, 0, 0]
assert counts('user/target/vm-reports/TEST-example.user.UserIT.xml') == [1, 0, 0, 0]
assert counts('old/target/vm-reports/TEST-example.old.OldIT.xml') == [3, 0, 0, 2]

def log = new File(basedir, 'build.log').text
assert log.contains('Using the MultiThreadedBuilder')
assert !log.contains('not marked as thread-safe') && !log.contains('not marked @threadSafe')
