#include "engine/bitcask/mend.h"

#include "engine/bitcask/loading.h"

namespace varve::bitcask {

Status verify_data_file(Os& os, const std::string& directory, const ManifestDataFile& info,
                        const Identity& identity, std::vector<VerifyProblem>& problems) {
  const Result<std::shared_ptr<DataFile>> file =
      DataFile::open(os, directory, info, identity, nullptr);
  if (!file && file.code() != Code::kCorrupt) return file.error();
  if (!file) {
    problems.push_back({data_path(directory, info.number), 0, file.error().message()});
    return Status::ok();
  }
  return verify_file(os, directory, **file, identity, problems);
}

Result<DescribedFile> describe_data_file(Os& os, const std::string& directory, uint64_t number) {
  const std::string path = data_path(directory, number);
  const Result<std::unique_ptr<File>> file = os.open(path, OpenMode::kRead);
  if (!file) return file.error();
  const Result<uint64_t> size = (*file)->size();
  if (!size) return size.error();
  uint8_t header[kDataHeaderBytes] = {};
  const Result<size_t> got = (*file)->read_at(0, header);
  if (!got) return got.error();
  DescribedFile described;
  std::copy_n(header + 16, described.identity.size(), described.identity.begin());
  described.info = {number, 0, *size, 0, 0, 1, kCommitMax};
  if (const Result<SegmentHeader> segment = decode_segment_header(header, path); segment) {
    described.info.segment = segment->number;
  }
  const Result<std::shared_ptr<DataFile>> opened =
      DataFile::open(os, directory, described.info, described.identity, nullptr);
  if (!opened) return opened.error();
  uint64_t end = kDataHeaderBytes;
  uint64_t last = 0;
  const auto on_edit = [&](uint64_t commit, const LogEdit& edit, uint64_t offset) {
    const uint64_t bytes = edit_bytes(edit.key.size(), edit.value.size(), edit.expires_ms != 0);
    end = round_up(offset + bytes, 8);
    last = std::max(last, commit);
    described.info.edit_bytes += bytes;
    return Status::ok();
  };
  const auto on_damage = [](uint64_t, const std::string&) { return true; };
  if (Status status = (*opened)->walk(on_edit, on_damage); !status) return status;
  described.info.file_bytes = std::min(end, *size);
  described.info.commit_last = std::max<uint64_t>(last, 1);
  return described;
}

Result<std::shared_ptr<const EngineVersion>> open_whole(Os& os, const std::string& directory,
                                                        const std::vector<ManifestDataFile>& files,
                                                        const Identity& identity, uint64_t absorbed,
                                                        Cache& cache,
                                                        std::vector<VerifyProblem>& lost) {
  std::vector<std::shared_ptr<DataFile>> opened;
  for (const ManifestDataFile& info : files) {
    Result<std::shared_ptr<DataFile>> file = DataFile::open(os, directory, info, identity, &cache);
    if (file) {
      opened.push_back(std::move(*file));
      continue;
    }
    if (file.code() != Code::kCorrupt) return file.error();
    lost.push_back({data_path(directory, info.number), 0, file.error().message()});
  }
  Result<Loaded> loaded = load_directory({os, directory, identity, true, &lost}, opened);
  if (!loaded) return loaded.error();
  loaded->image.absorbed = absorbed;
  loaded->image.build_index();
  return std::shared_ptr<const EngineVersion>(std::make_shared<const BitcaskVersion>(
      std::move(loaded->image), std::move(loaded->files), 0));
}

}  // namespace varve::bitcask
