# cmake -DDIRECTORY=profiles -DOUTPUT=profile_files.cc -P embed.cmake: every profile as a C++ string literal.
set(source "#include \"controller/audit/profile_files.h\"\n\nnamespace tcpfleet::controller {\n\n")
string(APPEND source "absl::Span<const ProfileFile> ProfileFiles() {\n  static constexpr ProfileFile kFiles[] = {\n")
file(GLOB profiles ${DIRECTORY}/*.yaml)
list(SORT profiles)
foreach(path ${profiles})
  get_filename_component(name ${path} NAME_WE)
  file(READ ${path} text)
  # Lists end at ';': never expand `text` unquoted.
  string(APPEND source "      {\"${name}\", R\"~~~~(${text})~~~~\"},\n")
endforeach()
string(APPEND source "  };\n  return kFiles;\n}\n\n}  // namespace tcpfleet::controller\n")
file(WRITE ${OUTPUT} "${source}")
