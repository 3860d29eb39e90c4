#include "common/sockets/opened_rows.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "common/base/status_macros.h"
#include "common/sockets/row_table.h"
#include "common/sockets/wire_reader.h"

namespace tcpfleet::sockets {
namespace {

using Rows = v1::OpenedRows;

constexpr size_t kMostEntryBytes = size_t{128} << 10;

template <class... Parts>
absl::Status Bad(const Parts&... parts) {
  return absl::DataLossError(absl::StrCat("connection frame: ", parts...));
}

template <class Message>
absl::StatusOr<Message> ParseEntry(absl::string_view bytes) {
  Message message;
  if (bytes.size() > kMostEntryBytes ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Bad("not a ", message.GetTypeName(), " of at most ", kMostEntryBytes, " bytes");
  }
  return message;
}

}  // namespace

absl::Status OpenedRows::TakeFields(absl::string_view bytes) {
  WireReader reader(bytes);
  while (const std::optional<WireReader::Record> record = reader.Next()) {
    if (!record->has_bytes) continue;
    if (record->field == Rows::kRowDeltasFieldNumber) {
      row_deltas_ = record->bytes;
    } else if (record->field < kLists) {
      lists_[record->field] = {record->bytes, record->bytes.empty()};
    } else if (addresses_.size() + processes_.size() + cgroups_.size() +
                   congestion_controls_.size() >=
               4 * kMostRows) {
      return Bad("too many addresses, processes and cgroups");
    } else if (record->field == Rows::kAddressesFieldNumber) {
      TF_RETURN_IF_ERROR(AddAddress(record->bytes));
    } else if (record->field == Rows::kProcessesFieldNumber) {
      TF_RETURN_IF_ERROR(AddProcess(record->bytes));
    } else if (record->field == Rows::kCgroupsFieldNumber) {
      TF_RETURN_IF_ERROR(AddCgroup(record->bytes));
    } else if (record->field == Rows::kCongestionControlsFieldNumber) {
      congestion_controls_.emplace_back(record->bytes);
    }
  }
  return reader.ok() ? absl::OkStatus() : Bad("not a whole OpenedRows message");
}

absl::Status OpenedRows::AddAddress(absl::string_view bytes) {
  const absl::StatusOr<base::IpAddress> address = base::IpAddress::FromBytes(
      absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
  if (!address.ok()) return Bad(address.status().message());
  addresses_.push_back(*address);
  return absl::OkStatus();
}

absl::Status OpenedRows::AddProcess(absl::string_view bytes) {
  TF_ASSIGN_OR_RETURN(const v1::SocketOwner owner, ParseEntry<v1::SocketOwner>(bytes));
  processes_.push_back(std::make_shared<const Process>(
      Process{owner.pid(), owner.start_ticks(), owner.comm(), owner.command_line()}));
  return absl::OkStatus();
}

absl::Status OpenedRows::AddCgroup(absl::string_view bytes) {
  TF_ASSIGN_OR_RETURN(const v1::SocketCgroup cgroup, ParseEntry<v1::SocketCgroup>(bytes));
  Cgroup& entry = cgroups_.emplace_back();
  if (cgroup.has_id()) entry.id = cgroup.id();
  if (!cgroup.path().empty()) entry.path = std::make_shared<const std::string>(cgroup.path());
  return absl::OkStatus();
}

uint64_t OpenedRows::List::Next() {
  if (!is_zero) value += UnZigzag(*TakeVarint(deltas));
  return value;
}

// `bad` makes the error of a number above `most`.
template <class MakeError>
absl::Status OpenedRows::CheckList(int list, uint64_t most, const MakeError& bad) const {
  List numbers = lists_[static_cast<size_t>(list)];
  for (size_t i = 0; i < rows_.size(); ++i) {
    const uint64_t number = numbers.Next();
    if (number > most) return bad(number);
  }
  return absl::OkStatus();
}

absl::Status OpenedRows::CheckNumbers(int list, absl::string_view what, uint64_t most) const {
  return CheckList(list, most,
                   [&](uint64_t number) { return Bad(what, " ", number, " is above ", most); });
}

absl::Status OpenedRows::CheckAddresses(int list) const {
  if (addresses_.empty()) return Bad("address 0 of 0");
  return CheckList(list, addresses_.size() - 1, [&](uint64_t index) {
    return Bad("address ", index, " of ", addresses_.size());
  });
}

absl::Status OpenedRows::CheckEntries(int list, size_t entries) const {
  return CheckList(list, entries - 1, [&](uint64_t index) {
    return Bad("entry ", index, " of a list of ", entries - 1, " in field ", list,
               " of the opened rows");
  });
}

absl::Status OpenedRows::Check() const {
  if (rows_.empty()) return absl::OkStatus();
  for (size_t i = 0; i < lists_.size(); ++i) {
    const std::optional<size_t> numbers = CountVarints(lists_[i].deltas);
    if (!lists_[i].is_zero && numbers != rows_.size()) {
      return Bad("list ", i, " of the opened rows has ", numbers.value_or(0), " whole numbers for ",
                 rows_.size(), " rows");
    }
  }
  TF_RETURN_IF_ERROR(CheckAddresses(Rows::kLocalAddressDeltasFieldNumber));
  TF_RETURN_IF_ERROR(CheckAddresses(Rows::kRemoteAddressDeltasFieldNumber));
  TF_RETURN_IF_ERROR(CheckNumbers(Rows::kLocalPortDeltasFieldNumber, "port", UINT16_MAX));
  TF_RETURN_IF_ERROR(CheckNumbers(Rows::kRemotePortDeltasFieldNumber, "port", UINT16_MAX));
  TF_RETURN_IF_ERROR(CheckNumbers(Rows::kInterfaceDeltasFieldNumber, "interface", UINT32_MAX));
  TF_RETURN_IF_ERROR(
      CheckNumbers(Rows::kUidDeltasFieldNumber, "uid plus 1", uint64_t{UINT32_MAX} + 1));
  TF_RETURN_IF_ERROR(CheckEntries(Rows::kProcessDeltasFieldNumber, processes_.size()));
  TF_RETURN_IF_ERROR(CheckEntries(Rows::kCgroupDeltasFieldNumber, cgroups_.size()));
  return CheckEntries(Rows::kCongestionControlDeltasFieldNumber, congestion_controls_.size());
}

absl::StatusOr<OpenedRows> OpenedRows::Read(absl::string_view bytes) {
  OpenedRows opened;
  TF_RETURN_IF_ERROR(opened.TakeFields(bytes));
  TF_ASSIGN_OR_RETURN(opened.rows_, ReadRowDeltas(opened.row_deltas_));
  TF_RETURN_IF_ERROR(opened.Check());
  return opened;
}

void OpenedRows::TakeIdentity(ConnectionIdentity& identity) {
  const auto endpoint = [this](int address, int port) {
    return base::Endpoint{addresses_[Next(address)], static_cast<uint16_t>(Next(port))};
  };
  identity.cookie = Next(Rows::kCookieDeltasFieldNumber);
  identity.network_namespace = Next(Rows::kNetworkNamespaceDeltasFieldNumber);
  identity.local =
      endpoint(Rows::kLocalAddressDeltasFieldNumber, Rows::kLocalPortDeltasFieldNumber);
  identity.remote =
      endpoint(Rows::kRemoteAddressDeltasFieldNumber, Rows::kRemotePortDeltasFieldNumber);
  identity.interface = static_cast<uint32_t>(Next(Rows::kInterfaceDeltasFieldNumber));
  const uint64_t uid = Next(Rows::kUidDeltasFieldNumber);
  if (uid != 0) identity.uid = static_cast<uint32_t>(uid - 1);
  identity.inode = Next(Rows::kInodeDeltasFieldNumber);
  identity.process = processes_[Next(Rows::kProcessDeltasFieldNumber)];
  const Cgroup& cgroup = cgroups_[Next(Rows::kCgroupDeltasFieldNumber)];
  identity.cgroup_id = cgroup.id;
  identity.cgroup = cgroup.path;
  identity.congestion_control =
      congestion_controls_[Next(Rows::kCongestionControlDeltasFieldNumber)];
}

absl::StatusOr<std::vector<uint32_t>> ReadRowDeltas(absl::string_view bytes) {
  std::vector<uint32_t> rows;
  uint64_t row = 0;
  while (!bytes.empty()) {
    const std::optional<uint64_t> delta = TakeVarint(bytes);
    if (!delta) return Bad("rows end in the middle of a number");
    if (*delta >= kMostRows || row + *delta >= kMostRows) return Bad("a row beyond ", kMostRows);
    if (*delta == 0 && !rows.empty()) return Bad("row ", row, " comes twice");
    row += *delta;
    rows.push_back(static_cast<uint32_t>(row));
  }
  return rows;
}

}  // namespace tcpfleet::sockets
