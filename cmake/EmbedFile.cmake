# cmake -D SOURCE=file -D TARGET=file.inc -P EmbedFile.cmake: the bytes of a file as the initializers of an array.
file(READ ${SOURCE} content HEX)
string(REGEX REPLACE "(..)" "0x\\1," content "${content}")
file(WRITE ${TARGET} "${content}\n")
