# Notes the identity that each file of the cache has here, as dev.runinvm.engine.image.Cache writes it, with the checksum that
# the host has found: size, inode, times of change and of modification in nanoseconds.
for sum in "$XDG_CACHE_HOME"/runinvm/*/*.sha256; do
  file=${sum%.sha256}
  [ -f "$file" ] || continue
  read -r check rest <"$sum"
  set -- $(stat -c '%s %i %.9Z %.9Y' "$file")
  echo "$check $1 $2 ${3/./} ${4/./}" >"$sum.new" && mv "$sum.new" "$sum"
done
