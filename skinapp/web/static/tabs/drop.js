/* exported dropped */
// What was dropped on a page: files, and whatever lies in dropped folders, with their paths. Stands before the scripts that use it.

async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  return entries.length ? (await Promise.all(entries.map((entry) => within(entry)))).flat() : [...transfer.files];
}

async function within(entry) {
  if (entry.isFile) {
    const file = await new Promise((got, lost) => entry.file(got, lost));
    file.path = entry.fullPath.replace(/^\//, "");
    return [file];
  }
  const reader = entry.createReader(), found = [];
  for (let some; (some = await new Promise((got, lost) => reader.readEntries(got, lost))).length; ) found.push(...some);
  return (await Promise.all(found.map((inner) => within(inner)))).flat();
}
