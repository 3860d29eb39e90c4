#include "common/sysctl/persisted.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <utility>

#include "common/sysctl/key.h"

namespace tcpfleet::sysctl {
namespace {

constexpr absl::string_view kSystemdBlanks = " \t\n\r";
constexpr absl::string_view kProcpsBlanks = " \t\n\r\v\f";

absl::string_view Strip(absl::string_view text, absl::string_view blanks) {
  const size_t begin = text.find_first_not_of(blanks);
  if (begin == absl::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

// systemd ends a line at a line feed, carriage return or NUL, and takes different ones in a row for
// one end.
std::vector<absl::string_view> SystemdLines(absl::string_view text) {
  constexpr absl::string_view kEnds("\n\r\0", 3);
  std::vector<absl::string_view> lines;
  while (!text.empty()) {
    size_t end = text.find_first_of(kEnds);
    lines.push_back(text.substr(0, end));
    if (end == absl::string_view::npos) break;
    std::string seen;
    while (end < text.size() && absl::StrContains(kEnds, text.substr(end, 1)) &&
           !absl::StrContains(seen, text.substr(end, 1))) {
      seen += text[end++];
    }
    text.remove_prefix(end);
  }
  return lines;
}

// procps reads C strings: what follows a NUL is lost.
std::vector<absl::string_view> ProcpsLines(absl::string_view text) {
  std::vector<absl::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const absl::string_view line = text.substr(0, end);
    lines.push_back(line.substr(0, line.find('\0')));
    if (end == absl::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

// One slash for several, none in front.
std::string Simplify(const std::string& path) {
  std::string simple;
  for (const char byte : path) {
    if (byte == '/' && (simple.empty() || simple.back() == '/')) continue;
    simple += byte;
  }
  if (!simple.empty() && simple.back() == '/') simple.pop_back();
  return simple;
}

absl::string_view NameOf(const std::string& path) {
  return absl::string_view(path).substr(path.rfind('/') + 1);
}

size_t DirectoryRank(const std::string& path) {
  size_t rank = 0;
  for (const char* directory : kDirectories) {
    if (absl::StartsWith(path, absl::StrCat(directory, "/"))) return rank;
    ++rank;
  }
  return rank;
}

// systemd skips hidden files.
bool IsRead(Applier applier, const ConfigFile& file) {
  const absl::string_view name = NameOf(file.path);
  if (!absl::EndsWith(name, ".conf")) return false;
  return applier == Applier::kProcps || !absl::StartsWith(name, ".");
}

}  // namespace

std::vector<const ConfigFile*> FilesInOrder(Applier applier, absl::Span<const ConfigFile> files) {
  std::map<absl::string_view, const ConfigFile*> by_name;
  const ConfigFile* last = nullptr;
  for (const ConfigFile& file : files) {
    if (file.path == kLastFile) {
      last = &file;
    } else if (IsRead(applier, file)) {
      const ConfigFile*& chosen = by_name[NameOf(file.path)];
      if (chosen == nullptr || DirectoryRank(file.path) < DirectoryRank(chosen->path)) {
        chosen = &file;
      }
    }
  }
  std::vector<const ConfigFile*> ordered;
  for (const auto& [name, file] : by_name) ordered.push_back(file);
  if (last != nullptr && applier == Applier::kProcps && !last->is_directory) {
    ordered.push_back(last);
  }
  return ordered;
}

Persisted::Persisted(Applier applier, absl::Span<const ConfigFile> files) : applier_(applier) {
  for (const ConfigFile* file : FilesInOrder(applier, files)) ReadFile(*file);
}

void Persisted::ReadFile(const ConfigFile& file) {
  if (file.is_directory) return;
  const bool systemd = applier_ == Applier::kSystemd;
  const absl::string_view blanks = systemd ? kSystemdBlanks : kProcpsBlanks;
  uint32_t number = 0;
  for (absl::string_view text : systemd ? SystemdLines(file.text) : ProcpsLines(file.text)) {
    ++number;
    text = Strip(text, blanks);
    if (text.empty() || text[0] == '#' || text[0] == ';') continue;
    if (lines_.size() == kMostLines) {
      problems_.push_back({file.path, number, "not read: too many lines in all files"});
      return;
    }
    const bool has_dash = text[0] == '-';
    const size_t equals = text.find('=');
    const bool assigns = equals != absl::string_view::npos;
    if (!assigns && !has_dash) {
      problems_.push_back({file.path, number, "neither an assignment nor an exclusion"});
      continue;
    }
    absl::string_view name = text.substr(0, equals);
    if (has_dash) name.remove_prefix(1);
    // procps keeps blanks between the dash and the key, and then finds no such key.
    name = systemd || !has_dash ? Strip(name, blanks)
                                : name.substr(0, name.find_last_not_of(blanks) + 1);
    const std::string path = SwapSeparators(name);
    Line line{.setting = {.file = file.path,
                          .line = number,
                          .value = assigns ? std::string(Strip(text.substr(equals + 1), blanks))
                                           : std::string(),
                          .pattern = IsGlob(name) ? std::string(name) : std::string()},
              .name = std::string(name),
              .path = Simplify(path),
              .is_plain = systemd || Simplify(path) == path,
              .excludes = !assigns};
    if (line.excludes && !line.setting.pattern.empty()) {
      problems_.push_back(
          {file.path, number,
           "a pattern excludes nothing for systemd 252 and procps 4.0.2; later ones "
           "may differ: name the keys"});
    }
    Add(std::move(line));
  }
}

// systemd keeps one line per name: a later one takes the place at the end, unless it says the same.
void Persisted::Add(Line line) {
  if (applier_ == Applier::kSystemd) {
    const auto [kept, is_first] = kept_.try_emplace(line.path, lines_.size());
    if (!is_first) {
      Line& before = lines_[kept->second];
      if (before.excludes == line.excludes && before.setting.value == line.setting.value) {
        line.replaced = true;
      } else {
        before.replaced = true;
        kept->second = lines_.size();
      }
    }
  }
  lines_.push_back(std::move(line));
}

std::vector<Persisted::Assignment> Persisted::Assignments() const {
  std::vector<Assignment> assignments;
  for (const Line& line : lines_) {
    if (!line.excludes && !line.replaced) assignments.push_back({line.name, line.setting});
  }
  return assignments;
}

// Some line names the key itself, or excludes it: then patterns do not apply to it.
bool Persisted::IsNamed(const std::string& key) const {
  return std::any_of(lines_.begin(), lines_.end(), [&](const Line& line) {
    return !line.replaced && line.is_plain && line.path == key;
  });
}

PersistedValue Persisted::ValueOf(const std::string& key) const {
  const bool named = IsNamed(key);
  PersistedValue value;
  for (const Line& line : lines_) {
    if (line.excludes) continue;
    const bool is_pattern = !line.setting.pattern.empty();
    if (is_pattern ? !GlobMatches(line.path, key) : line.path != key) continue;
    // An empty value is written, and the kernel takes it for nothing to do.
    const bool applies =
        !line.replaced && !(is_pattern && named && line.is_plain) && !line.setting.value.empty();
    if (applies && value.winner) value.losers.push_back(*value.winner);
    if (applies) {
      value.winner = line.setting;
    } else {
      value.losers.push_back(line.setting);
    }
  }
  return value;
}

}  // namespace tcpfleet::sysctl
