def port = new ServerSocket(0, 1, InetAddress.loopbackAddress).withCloseable { it.localPort }
new File(basedir, 'debug.properties').text = "vm.debug=${port}\nvm.testTimeout=1\nvm.bootTimeout=1\n"
new ProcessBuilder("${System.getProperty('java.home')}/bin/java", 'Debugger.java', "${port}", 'seen.txt')
        .directory(basedir)
        .redirectErrorStream(true)
        .redirectOutput(new File(basedir, 'debugger.log'))
        .start()
return true
