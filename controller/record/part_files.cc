#include "controller/record/part_files.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/strip.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace tcpfleet::controller {
namespace {

constexpr size_t kDigits = 6;

// "dir/web.tfr" is "dir/web" and ".tfr".
std::pair<std::string, std::string> StemAndExtension(const std::string& path) {
  const std::filesystem::path name(path);
  return {(name.parent_path() / name.stem()).string(), name.extension().string()};
}

}  // namespace

std::string PartPath(const std::string& path, uint32_t number) {
  const auto [stem, extension] = StemAndExtension(path);
  return absl::StrFormat("%s.%0*u%s", stem, static_cast<int>(kDigits), number, extension);
}

absl::StatusOr<std::vector<PartFile>> FindParts(const std::string& path) {
  const auto [stem, extension] = StemAndExtension(path);
  const std::string prefix = absl::StrCat(std::filesystem::path(stem).filename().string(), ".");
  std::filesystem::path directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) directory = ".";
  std::vector<PartFile> parts;
  std::error_code error;
  std::filesystem::directory_iterator entries(directory, error);
  for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    const std::string name = entries->path().filename().string();
    absl::string_view number = name;
    PartFile part;
    if (absl::ConsumePrefix(&number, prefix) && absl::ConsumeSuffix(&number, extension) &&
        number.size() >= kDigits && absl::SimpleAtoi(number, &part.number)) {
      part.path = PartPath(path, part.number);
      // Also refuses other spellings of the number.
      if (std::filesystem::path(part.path).filename() == name) parts.push_back(std::move(part));
    }
  }
  if (error) {
    return absl::Status(absl::ErrnoToStatusCode(error.value()),
                        absl::StrCat(directory.string(), ": ", error.message()));
  }
  std::sort(parts.begin(), parts.end(),
            [](const PartFile& a, const PartFile& b) { return a.number < b.number; });
  return parts;
}

}  // namespace tcpfleet::controller
