import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const host = 'http://localhost:5001'

/** `vite build` makes what the session-host serves at `/`; `vite` alone serves the console in front of a running session-host. */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  resolve: { alias: { '#shared': resolve(import.meta.dirname, '../../shared') } },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': host, '/config.json': host, '/socket.io': { target: host, ws: true } },
  },
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2023', modulePreload: { polyfill: false } },
})
