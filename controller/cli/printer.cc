#include "controller/cli/printer.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>

namespace tcpfleet::controller {
namespace {

constexpr char kTypeUrls[] = "type.googleapis.com";

// MessageToJsonString writes maps in another order each time.
std::string Deterministic(const google::protobuf::Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

absl::Status Write(std::ostream& out, const google::protobuf::Message& message, bool pretty) {
  static google::protobuf::util::TypeResolver& types =
      *google::protobuf::util::NewTypeResolverForDescriptorPool(
          kTypeUrls, google::protobuf::DescriptorPool::generated_pool());
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.add_whitespace = pretty;
  std::string json;
  const auto converted = google::protobuf::util::BinaryToJsonString(
      &types, absl::StrCat(kTypeUrls, "/", message.GetTypeName()), Deterministic(message), &json,
      options);
  if (!converted.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("JSON output: ", std::string(converted.message())));
  }
  out << json;
  if (!pretty) out << '\n';  // the pretty form ends with one
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteJson(std::ostream& out, const google::protobuf::Message& message) {
  return Write(out, message, true);
}

absl::Status WriteJsonl(std::ostream& out, const google::protobuf::Message& message) {
  return Write(out, message, false);
}

void WriteCsvRow(std::ostream& out, const CsvRow& row) {
  for (size_t i = 0; i < row.size(); ++i) {
    if (i > 0) out << ',';
    if (row[i].find_first_of(",\"\r\n") == std::string::npos) {
      out << row[i];
      continue;
    }
    out << '"';
    for (const char c : row[i]) {
      if (c == '"') out << '"';
      out << c;
    }
    out << '"';
  }
  out << "\r\n";
}

void WriteCsv(std::ostream& out, const CsvRow& header, absl::Span<const CsvRow> rows) {
  WriteCsvRow(out, header);
  for (const CsvRow& row : rows) WriteCsvRow(out, row);
}

}  // namespace tcpfleet::controller
