#include "controller/record/recording_condition.h"

#include <absl/strings/str_cat.h>

namespace tcpfleet::controller {

std::vector<std::string> RecordingCondition::Lines() const {
  std::vector<std::string> lines = notes;
  if (losses > notes.size()) {
    lines.push_back(absl::StrCat("the recording is damaged at ", losses - notes.size(),
                                 " more places; ", lost_bytes, " bytes are lost in all"));
  }
  if (useless_frames > 0) {
    lines.push_back(
        absl::StrCat(useless_frames, " frames could not be used: they build on lost ones"));
  }
  if (unknown_records > 0) {
    lines.push_back(
        absl::StrCat(unknown_records, " records of a newer version of tcpfleet were left out"));
  }
  if (!finished && whole()) {
    lines.push_back("the recording was not finished: its recorder was killed, or still records");
  }
  return lines;
}

}  // namespace tcpfleet::controller
