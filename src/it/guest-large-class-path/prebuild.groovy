import java.util.zip.*

// 200 MiB that cannot be packed, the same each time: what is made of them is found in the cache.
new ZipOutputStream(new BufferedOutputStream(new FileOutputStream(new File(basedir, 'large.jar')), 1 << 20)).withCloseable { jar ->
    byte[] content = new byte[1 << 20]
    (1..200).each { number ->
        new Random(number).nextBytes(content)
        def entry = new ZipEntry("entry${number}")
        def sum = new CRC32()
        sum.update(content)
        entry.method = ZipEntry.STORED
        entry.size = content.length
        entry.compressedSize = content.length
        entry.crc = sum.value
        entry.time = 0
        jar.putNextEntry(entry)
        jar.write(content)
        jar.closeEntry()
    }
}
return true
