// Runs before the first paint, so that a chosen theme or language never flashes. External, because the page allows no inline script.
try {
  const theme = localStorage.getItem('console.theme')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
  const language = localStorage.getItem('console.language') || navigator.language.slice(0, 2)
  document.documentElement.lang = language === 'en' ? 'en' : 'es'
} catch {
  // Without storage the page follows the system.
}
