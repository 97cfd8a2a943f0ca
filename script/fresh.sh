# Read by ./orch and script/setup: whether a clone has its packages and a build, and whether they are up to date.

# npm writes its own lock file into node_modules as the last thing, so its age says when the packages were complete.
# After a checkout that touched package-lock.json without changing it, the copy that script/setup keeps says so.
packages_fresh() {
  [ -f "$1/node_modules/.package-lock.json" ] || return 1
  [ "$1/package-lock.json" -nt "$1/node_modules/.package-lock.json" ] || return 0
  cmp -s "$1/package-lock.json" "$1/node_modules/.orch-lock.json"
}

# dist/.built is as old as the start of the build. Directories count too: a deleted file makes its directory newer.
build_fresh() {
  [ -f "$1/dist/.built" ] || return 1
  [ -z "$(find "$1/src" "$1/package.json" "$1/tsconfig.json" "$1/tsconfig.build.json" \
    -newer "$1/dist/.built" -print -quit 2>/dev/null)" ]
}
