import java.nio.file.Files
import java.nio.file.Path

// A cache of its own, for its snapshots are removed; all else is the user's.
def user = Path.of(System.getProperty('runinvm.cache',
        System.getenv('XDG_CACHE_HOME') ? System.getenv('XDG_CACHE_HOME') + '/runinvm'
                : System.getProperty('user.home') + '/.cache/runinvm'))
def own = basedir.toPath().parent.parent.resolve('snapshots-cache')
if (Files.exists(own)) {
    own.toFile().eachFile { Files.isSymbolicLink(it.toPath()) ? Files.delete(it.toPath()) : it.deleteDir() }
}
Files.createDirectories(own)
if (Files.isDirectory(user)) {
    user.toFile().eachDir {
        if (!(it.name in ['snapshots', 'locks'])) {
            Files.createSymbolicLink(own.resolve(it.name), it.toPath())
        }
    }
}
