# Makes a text a C string literal, line by line.
s/[\\"]/\\&/g
s/^/"/
s/$/\\n"/
