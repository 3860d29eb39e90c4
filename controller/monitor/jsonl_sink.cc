#include "controller/monitor/jsonl_sink.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/util/json_util.h>

#include "common/base/status_macros.h"
#include "common/sys/read_at_file.h"

namespace tcpfleet::controller {
namespace {

absl::StatusOr<bool> IsTorn(const std::string& path) {
  TF_ASSIGN_OR_RETURN(const sys::ReadAtFile file, sys::ReadAtFile::Open(path));
  if (file.size() == 0) return false;
  char last = 0;
  TF_RETURN_IF_ERROR(file.ReadAt(file.size() - 1, absl::MakeSpan(&last, 1)).status());
  return last != '\n';
}

}  // namespace

absl::StatusOr<std::unique_ptr<JsonlSink>> JsonlSink::Open(const std::string& path) {
  TF_ASSIGN_OR_RETURN(sys::AppendFile file,
                      sys::AppendFile::Create(path, sys::AppendFile::Existing::kExtend));
  TF_ASSIGN_OR_RETURN(const bool is_torn, IsTorn(path));
  if (is_torn) {
    TF_RETURN_IF_ERROR(file.Append("\n"));
  }
  return std::unique_ptr<JsonlSink>(new JsonlSink(path, std::move(file)));
}

JsonlSink::JsonlSink(const std::string& path, sys::AppendFile file) : file_(std::move(file)) {
  status_.set_name(absl::StrCat("jsonl ", path));
}

void JsonlSink::Notify(const v1::AlertNotification& notification) {
  const absl::Status status = Append(notification);
  if (status.ok()) {
    status_.set_delivered(status_.delivered() + 1);
    status_.clear_last_error();
  } else {
    status_.set_failed(status_.failed() + 1);
    status_.set_last_error(std::string(status.message()));
  }
}

absl::Status JsonlSink::Append(const v1::AlertNotification& notification) {
  std::string json;
  const auto printed = google::protobuf::util::MessageToJsonString(notification, &json);
  if (!printed.ok()) return absl::InternalError(std::string(printed.message()));
  json += '\n';
  if (file_.size() + json.size() > kMostJsonlBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the file is full: at most ", kMostJsonlBytes >> 20, " MiB"));
  }
  return file_.Append(json);
}

}  // namespace tcpfleet::controller
