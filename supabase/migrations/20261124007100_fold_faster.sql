-- Folding of Spanish text without normalising it: every message of an import is folded twice.

/**
 * Text without case and accents (ñ becomes n): the form that names and words are compared in. Keeps the number of characters of a
 * text in NFC, so that a place in it is the same place in the original. Spanish letters are replaced one by one; only what is not plain
 * ASCII after that takes the long way, with the same outcome.
 */
create or replace function private.fold(p_text text) returns text
  language plpgsql
  immutable
  strict
  parallel safe
  set search_path = ''
as $$
declare
  v_plain text;
begin
  if octet_length(p_text) = char_length(p_text) then
    return lower(p_text);
  end if;
  v_plain := translate(p_text, 'áéíóúüñÁÉÍÓÚÜÑ', 'aeiouunAEIOUUN');
  if octet_length(v_plain) = char_length(v_plain) then
    return lower(v_plain);
  end if;
  return lower(translate(
    normalize(regexp_replace(normalize(p_text, nfd), '[\u0300-\u036f]', '', 'g'), nfc),
    'øØłŁđĐı', 'oOlLdDi'));
end
$$;
